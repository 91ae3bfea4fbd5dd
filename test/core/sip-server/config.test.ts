import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'smol-toml';
import { describe, expect, it, test } from 'vitest';
import { changed } from '../../../src/core/service/config/changes.ts';
import { configJsonSchema } from '../../../src/core/service/config/json-schema.ts';
import { printConfig } from '../../../src/core/service/config/print.ts';
import { describeProblem } from '../../../src/core/service/config/problem.ts';
import { readConfig } from '../../../src/core/service/config/read.ts';
import type { ConfigReading } from '../../../src/core/service/config/read.ts';
import { anyFields } from '../../../src/core/service/config/schema.ts';
import type { AnyField } from '../../../src/core/service/config/schema.ts';
import { SIP_SERVE_SCHEMA } from '../../../src/core/sip-server/config.ts';
import type { SipServeConfig } from '../../../src/core/sip-server/config.ts';
import { readPage } from '../../docs/markdown.ts';

const read = (text: string): ConfigReading<SipServeConfig> => readConfig(text, 'sip.toml', SIP_SERVE_SCHEMA);
const problemsOf = (text: string): readonly string[] => read(text).problems.map(describeProblem);
const warningsOf = (text: string): readonly string[] => read(text).warnings.map(describeProblem);

function configOf(text: string): SipServeConfig {
  const { config, problems } = read(text);
  if (config === undefined) throw new Error(problems.map(describeProblem).join('\n'));
  return config;
}

const ROUTE = '[[route]]\nmatch = "6??"\n';
const TLS_ACCOUNT = `[sip]
transports = ["udp", "tcp", "tls"]
tls.self_signed = true
[[register]]
registrar = "sip:pbx.example.org"
username = "600"
password_env = "E"
`;
const ACCOUNT = '[[register]]\nregistrar = "sip:pbx.example.org"\nusername = "600"\n';

test('the defaults', () => {
  expect(read('')).toMatchObject({ problems: [], warnings: [] });
  expect(configOf('')).toMatchObject({
    sip: {
      bind_address: ['0.0.0.0'],
      port: 5_060,
      domain: 'localhost',
      transports: ['udp', 'tcp'],
      tls: { port: 5_061, self_signed: false },
    },
    behavior: {
      auto_answer: true,
      auto_answer_delay_ms: 1_000,
      mode: 'tone',
      tone_frequency: 440,
      tone_amplitude: 0.5,
      tone_duration_seconds: 30,
      call_timeout_seconds: 300,
      max_concurrent_calls: 100,
    },
    media: {
      rtp_port_range_start: 10_000,
      rtp_port_range_end: 20_000,
      preferred_codecs: ['PCMU', 'PCMA'],
      enable_dtmf: true,
      audio_sample_rate: 8_000,
      ptime_ms: 20,
    },
    logging: {
      ...{ level: 'info', format: 'text', enable_file_logging: true, enable_syslog: true, syslog: 'local', syslog_facility: 'daemon' },
      ...{ max_log_size_mb: 100, max_log_files: 10 },
    },
    health: {
      enable_health_check: true,
      health_check_port: 8_080,
      open: false,
      hosts: [],
      health_check_interval_seconds: 30,
      restart_on_failure: true,
      max_restart_attempts: 3,
    },
    route: [],
    register: [],
  });
});

test('a full file', () => {
  const config = configOf(`
[sip]
bind_address = ["192.0.2.10", "2001:db8::10"]
transports = ["udp", "tcp", "tls"]
external_address = "198.51.100.7"
tls = { cert = "cert.pem", key = "key.pem", port = 5061 }

[media]
preferred_codecs = ["L16", "PCMA"]
audio_sample_rate = 16000

[limits]
over_limit_status = 503

[[route]]
match = "600"
action = "relay"
answer_delay_ms = 0

[[route]]
match = "6[0-4]?"
action = "tone"
tones = [350.0, 440.0]
cadence_ms = [400, 200, 400, 2000]

[[register]]
registrar = "sips:pbx.example.org"
username = "600"
password_env = "PBX_PASSWORD"
realm = "asterisk"
transport = "tls"
`);
  expect(config.route.map(({ action }) => action)).toEqual(['relay', 'tone']);
  expect(config.register).toEqual([
    {
      registrar: 'sips:pbx.example.org',
      username: '600',
      password_env: 'PBX_PASSWORD',
      realm: 'asterisk',
      transport: 'tls',
      tls_verify: true,
      expires_seconds: 3_600,
    },
  ]);
  expect(configOf(printConfig(SIP_SERVE_SCHEMA, config))).toEqual(config);
});

describe('what is printed', () => {
  const printed = printConfig(SIP_SERVE_SCHEMA, configOf(''));

  it('is the same configuration', () => {
    expect(configOf(printed)).toEqual(configOf(''));
  });

  it('has examples that work', () => {
    // The part behind the explanations of the keys, which begin with a dash.
    const examples = printed
      .split('\n')
      .filter((line) => /^# (\[\[|\w+ = )/.test(line) && !line.startsWith('# play_file'))
      .map((line) => line.slice(2));
    const lists = examples.slice(examples.indexOf('[[route]]')).join('\n');
    expect(warningsOf(lists)).toEqual([]);
    expect(configOf(lists).route).toHaveLength(3);
    expect(configOf(lists).register).toHaveLength(1);
  });

  it('is valid by the JSON Schema', () => {
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configJsonSchema(SIP_SERVE_SCHEMA));
    expect(validate(parse(printed)), JSON.stringify(validate.errors)).toBe(true);
    expect(validate(parse('[sip]\nprot = 1'))).toBe(false);
  });

  it('does not show a password', () => {
    expect(printConfig(SIP_SERVE_SCHEMA, configOf(`${ACCOUNT}password = "hunter2"`))).not.toContain('hunter2');
  });
});

describe('refused', () => {
  it.each([
    ['[sip]\nbind_address = "localhost"', 'sip.toml:2: sip.bind_address must be'],
    ['[sip]\ndomain = "a b"', 'sip.toml:2: sip.domain must be a host name, not "a b" (it has a space)'],
    ['[sip]\nsession_timer_min_seconds = 89', 'sip.toml:2: sip.session_timer_min_seconds must be'],
    ['[sip]\ntransports = ["udp", "tls"]', 'sip.toml:2: transport "tls" has no certificate'],
    ['[sip]\ntransports = ["tls"]\ntls.cert = "c"', 'sip.toml:3: a certificate and its private key belong together (set sip.tls.key too)'],
    ['[sip.tls]\nkey = "k"', 'sip.toml:2: a certificate and its private key belong together (set sip.tls.cert too)'],
    [
      '[sip]\ntransports = ["tls"]\n[sip.tls]\ncert = "c"\nkey = "k"\nself_signed = true',
      'sip.toml:6: both a certificate and self_signed are set',
    ],
    ['[sip]\ntransports = ["tcp", "tls"]\nport = 5061\ntls.self_signed = true', 'sip.toml:3: TLS and TCP cannot share port 5061'],
    ['[sip]\nport = 8080', 'sip.toml:2: HTTP and SIP cannot share TCP port 8080'],
    ['[health]\nhealth_check_port = 5060', 'sip.toml:2: HTTP and SIP cannot share TCP port 5060'],
    ['[sip]\nexternal_address = "0.0.0.0"', 'sip.toml:2: nobody can reach 0.0.0.0'],
    ['[sip]\nport = 10500', 'sip.toml:2: the SIP port 10500 lies in the RTP range 10000-20000'],
    ['[media]\nrtp_port_range_start = 3000', 'sip.toml:2: the SIP port 5060 lies in the RTP range 3000-20000'],
    ['[media]\nrtp_port_range_end = 9999', 'sip.toml:2: the RTP range 10000-9999 runs backwards'],
    ['[media]\nrtp_port_range_start = 10001\nrtp_port_range_end = 10002', 'sip.toml:3: the RTP range 10001-10002 has no pair of ports'],
    ['[media]\nptime_ms = 25', 'sip.toml:2: media.ptime_ms must be one of 10, 20, 30, 40, 50, 60, not 25'],
    ['[behavior]\nmode = "play"', 'sip.toml:2: mode "play" has no file'],
    ['[behavior]\ntone_frequency = 4000.0', 'sip.toml:2: a tone of 4000 Hz does not fit the sampling rate (it has to be below 4000 Hz)'],
    ['[behavior]\nauto_answer_delay_ms = 60000', 'sip.toml:2: the call is given up after 60000 ms and answered after 60000 ms'],
    ['[limits]\nring_timeout_seconds = 1', 'sip.toml:2: the call is given up after 1000 ms and answered after 1000 ms'],
    ['[limits]\nmax_concurrent_calls = 5', 'sip.toml:2: unknown key "max_concurrent_calls" in [limits] (it belongs into [behavior])'],
    [
      '[logging]\nsyslog = "loghost"',
      'sip.toml:2: logging.syslog must be "local", "unix:///PATH", "udp://HOST:PORT" or "tcp://HOST:PORT", not "loghost"',
    ],
    ['[limits]\nover_limit_status = 404', 'sip.toml:2: limits.over_limit_status must be 486 or 503, not 404'],
    [`${ROUTE}action = "tone"\ntones = [400, 4400]`, 'sip.toml:4: a tone of 4400 Hz does not fit the sampling rate'],
    [`${ROUTE}action = "tone"\nfrequency = 4400`, 'sip.toml:4: a tone of 4400 Hz does not fit the sampling rate'],
    [`${ROUTE}action = "tone"\nfrequency = 400\ntones = [400]`, 'sip.toml:5: both "frequency" and "tones" are set'],
    [`${ROUTE}action = "tone"\ncadence_ms = [400, 200, 400]`, 'sip.toml:4: cadence_ms ends with a time on'],
    [`${ROUTE}action = "play"`, 'sip.toml:3: action "play" has no file'],
    [`${ROUTE}action = "echo"\nstatus = 404`, 'sip.toml:4: "status" is of action "reject", and this one is "echo"'],
    [`${ROUTE}action = "busy"\nanswer_delay_ms = 5`, 'sip.toml:4: a call with action "busy" is not answered'],
    [`${ROUTE}action = "echo"\nanswer_delay_ms = 600000`, 'sip.toml:4: the call is given up after 60000 ms'],
    [`${ROUTE}action = "reject"\nstatus = 302`, 'sip.toml:4: route.status must be a whole number from 400 to 699, not 302'],
    [`${ROUTE}action = "reject"\nreason = "a\\r\\nb"`, 'sip.toml:4: route.reason must be text'],
    ['[[route]]\nmatch = "6[0-9"\naction = "echo"', 'sip.toml:2: route.match must be a pattern such as "6??", not "6[0-9" (the [ has no ]'],
    [ACCOUNT, 'sip.toml:3: account "600" has no password (set password_file or password_env)'],
    [`${ACCOUNT}password_file = "f"\npassword_env = "E"`, 'sip.toml:5: both password_file and password_env are set'],
    [`${ACCOUNT}password_env = "E=1"`, 'sip.toml:4: register.password_env must be the name of an environment variable'],
    [`${ACCOUNT}password_file = "f"\nexpires_seconds = 5`, 'sip.toml:5: register.expires_seconds must be'],
    [`${ACCOUNT}password_file = "f"\n${ACCOUNT}password_file = "f"`, 'sip.toml:7: "600" at sip:pbx.example.org is registered twice'],
    [
      ACCOUNT.replace('sip:', 'sips:') + 'password_file = "f"',
      'sip.toml:2: a sips: registrar is not reached over udp (set transport = "tls")',
    ],
    [ACCOUNT.replace('sip:', 'sip:600@') + 'password_file = "f"', 'sip.toml:2: register.registrar must be a SIP URI'],
    [ACCOUNT.replace('sip:', 'tel:') + 'password_file = "f"', 'sip.toml:2: register.registrar must be a SIP URI'],
  ])('%j', (text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

describe('warned of', () => {
  it.each([
    ['[sip.tls]\nself_signed = true', 'sip.toml:2: the certificate is not used (add "tls" to sip.transports)'],
    ['[sip.tls]\ncert = "c"\nkey = "k"', 'sip.toml:2: the certificate is not used (add "tls" to sip.transports)'],
    ['[media]\nrtp_port_range_end = 10019', 'sip.toml:2: the RTP range 10000-10019 is enough for 10 calls, not for 100 (widen it)'],
    ['[relay]\necho_port = 10500', 'sip.toml:2: the echo port 10500 lies in the RTP range 10000-20000 (move one of them)'],
    ['[media]\naudio_sample_rate = 16000', 'sip.toml:2: no codec of preferred_codecs has 16000 Hz (add "L16")'],
    [
      `${TLS_ACCOUNT}transport = "tls"\ntls_verify = false`,
      'sip.toml:9: anybody between may pose as the registrar (set tls_ca_file to the certificate of its authority, or its own)',
    ],
    [`${TLS_ACCOUNT}tls_verify = false`, 'sip.toml:8: tls_verify means nothing over udp (set transport = "tls")'],
    [`${TLS_ACCOUNT}transport = "tcp"\ntls_ca_file = "ca.pem"`, 'sip.toml:9: tls_ca_file means nothing over tcp (set transport = "tls")'],
    ['[behavior]\ntone_duration_seconds = 301', 'sip.toml:2: calls end after 300 s, before the tone of 301 s (raise call_timeout_seconds)'],
    [
      `${ROUTE}action = "echo"\n${ROUTE}action = "busy"`,
      'sip.toml:5: this [[route]] is never reached: an earlier one matches "6??" (move it up)',
    ],
    [
      `[[route]]\nmatch = "*"\naction = "echo"\n${ROUTE}action = "busy"`,
      'sip.toml:5: this [[route]] is never reached: an earlier one matches "*" (move it up)',
    ],
    [
      `${ACCOUNT}password = "hunter2"`,
      'sip.toml:4: the password stands in the file (move it to a file of its own, and name that in password_file)',
    ],
    [
      `${ACCOUNT}password_env = "E"\ntransport = "tls"`,
      'sip.toml:5: calls will come over tls, which is not listened on (add "tls" to sip.transports)',
    ],
  ])('%j', (text, warning) => {
    expect(problemsOf(text)).toEqual([]);
    expect(warningsOf(text)).toEqual([warning]);
  });
});

describe('allowed', () => {
  it.each([
    '[sip]\nport = 0\n[health]\nhealth_check_port = 0',
    '[sip]\nbind_address = "192.0.2.1"\nport = 8080',
    '[sip]\ntransports = "tcp"\nport = 10500',
    '[sip]\ntransports = ["tls"]\nport = 5061\ntls.self_signed = true',
    '[health]\nenable_health_check = false\nhealth_check_port = 5060',
    '[relay]\necho_host = "echo.example.org"\necho_port = 10500',
    '[media]\npreferred_codecs = "L16"\naudio_sample_rate = 16000\n[behavior]\ntone_frequency = 7999',
    `[behavior]\nplay_file = "a.wav"\n${ROUTE}action = "play"`,
    '[behavior]\nauto_answer = false\nauto_answer_delay_ms = 60000',
  ])('%j', (text) => {
    expect([...problemsOf(text), ...warningsOf(text)]).toEqual([]);
  });
});

test('a reload takes new rules for calls, and leaves sockets and files to a restart', () => {
  const { changes, effective } = changed(
    SIP_SERVE_SCHEMA,
    configOf(''),
    configOf(`[sip]\nport = 5070\n[behavior]\nmode = "echo"\n[media]\nrtp_port_range_end = 11000\n${ROUTE}action = "busy"`),
  );
  expect(changes.map(({ name, reloadable }) => [name, reloadable])).toEqual([
    ['sip.port', false],
    ['behavior.mode', true],
    ['media.rtp_port_range_end', false],
    ['route', true],
  ]);
  expect(effective).toEqual(configOf(`[behavior]\nmode = "echo"\n${ROUTE}action = "busy"`));
});

describe('docs/sip-serve.md', () => {
  const page = readPage('docs/sip-serve.md');
  const rows = page.prose.split('\n').filter((line) => /^\| `\w/.test(line));

  /** The rows that the tables of the page must have: name, default, and whether a reload takes it. */
  function expected(fields: Readonly<Record<string, AnyField>>, table: string): readonly string[] {
    return Object.entries(fields).flatMap(([name, field]) => {
      if (field.kind === 'key') {
        const value =
          field.presence === 'default' ? `\`${field.type.print(field.default)}\`` : field.presence === 'required' ? 'must be set' : '–';
        const reload = table.startsWith('[[') ? '' : ` ${field.reloadable ? 'reload' : 'restart'} |`;
        return [`| \`${name}\` | ${value} |${reload}`];
      }
      return [];
    });
  }

  it('has every key with its default', () => {
    const wanted = Object.entries(anyFields(SIP_SERVE_SCHEMA)).flatMap(([name, field]) => {
      if (field.kind === 'key') return [];
      const inner = Object.entries(field.fields).flatMap(([child, table]) =>
        table.kind === 'table' ? expected(table.fields, `[${name}.${child}]`) : [],
      );
      return expected(field.fields, field.kind === 'list' ? `[[${name}]]` : `[${name}]`).concat(inner);
    });
    expect(rows.map((row) => wanted.find((start) => row.startsWith(start)) ?? row)).toEqual(wanted);
  });

  it('has examples that are read without a word', () => {
    const examples = page.blocks.filter(({ language }) => language === 'toml');
    expect(examples.length).toBeGreaterThan(0);
    for (const { lines } of examples) expect([...problemsOf(lines.join('\n')), ...warningsOf(lines.join('\n'))]).toEqual([]);
  });
});
