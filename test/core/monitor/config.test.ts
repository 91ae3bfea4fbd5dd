import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'smol-toml';
import { describe, expect, it, test } from 'vitest';
import { MONITOR_SCHEMA } from '../../../src/core/monitor/config.ts';
import type { MonitorConfig } from '../../../src/core/monitor/config.ts';
import { planOf } from '../../../src/core/monitor/plan.ts';
import type { ServicePlan } from '../../../src/core/monitor/plan.ts';
import { configJsonSchema } from '../../../src/core/service/config/json-schema.ts';
import { printConfig } from '../../../src/core/service/config/print.ts';
import { describeProblem } from '../../../src/core/service/config/problem.ts';
import { readConfig } from '../../../src/core/service/config/read.ts';
import type { ConfigReading } from '../../../src/core/service/config/read.ts';
import { anyFields } from '../../../src/core/service/config/schema.ts';
import type { AnyField } from '../../../src/core/service/config/schema.ts';
import { readPage } from '../../docs/markdown.ts';

const read = (text: string): ConfigReading<MonitorConfig> => readConfig(text, 'monitor.toml', MONITOR_SCHEMA);
const problemsOf = (text: string): readonly string[] => read(text).problems.map(describeProblem);
const warningsOf = (text: string): readonly string[] => read(text).warnings.map(describeProblem);

function configOf(text: string): MonitorConfig {
  const { config, problems } = read(text);
  if (config === undefined) throw new Error(problems.map(describeProblem).join('\n'));
  return config;
}

function planFor(text: string): ServicePlan {
  const [service] = configOf(`[[service]]\nname = "a"\n${text}`).service;
  if (service === undefined) throw new Error('no service');
  return planOf(service, false);
}

const A = '[[service]]\nname = "a"\n';
const ECHO = `${A}kind = "echo"\n`;

test('the defaults', () => {
  expect(configOf('')).toEqual({
    monitor: { state_directory: 'rtplat-monitor', give_up: 'continue', keep_running: false },
    webhook: { timeout_ms: 5_000 },
    http: { enable: true, bind_address: '127.0.0.1', port: 9_091, open: false, hosts: [] },
    logging: { level: 'info', format: 'text' },
    service: [],
  });
});

describe('what a kind brings along', () => {
  it('an echo', () => {
    expect(planFor('kind = "echo"')).toMatchObject({
      probe: { kind: 'echo', host: '127.0.0.1', port: 4_000 },
      health: null,
      ports: [{ transport: 'UDP', host: '127.0.0.1', port: 4_000 }],
      policy: { control: 'none', intervalMs: 5_000, failures: 3, maxAttempts: 5, windowMs: 300_000 },
    });
  });

  it('a sip-serve', () => {
    expect(planFor('kind = "sip-serve"\ncommand = ["rtplat", "sip-serve"]')).toMatchObject({
      command: ['rtplat', 'sip-serve'],
      probe: { kind: 'sip', host: '127.0.0.1', port: 5_060 },
      policy: { control: 'process' },
    });
  });

  it('an ari-serve', () => {
    expect(planFor('kind = "ari-serve"\nsystemd_unit = "x.service"')).toMatchObject({
      unit: { name: 'x.service', user: false },
      probe: null,
      health: { url: 'http://127.0.0.1:9090/health', document: true, onUnhealthy: 'report' },
      ports: [{ transport: 'TCP', host: '127.0.0.1', port: 9_090 }],
      policy: { control: 'unit' },
    });
  });

  it('and what the file says instead', () => {
    const plan = planFor(`kind = "echo"
probe = "http"
probe_target = "https://[::1]/x"
health_url = "http://localhost/health"
command = "true"
environment = ["A=b=c", "B="]`);
    expect(plan).toMatchObject({
      probe: { kind: 'http', url: 'https://[::1]/x' },
      environment: [
        ['A', 'b=c'],
        ['B', ''],
      ],
      ports: [
        { transport: 'TCP', host: '::1', port: 443 },
        { transport: 'TCP', host: 'localhost', port: 80 },
      ],
    });
    expect(planFor('kind = "echo"\nprobe = "none"\npid_file = "p"')).toMatchObject({ probe: null, ports: [], pidFile: 'p' });
  });
});

describe('refused', () => {
  it.each([
    ['[[service]]\nkind = "echo"', 'monitor.toml:1: [[service]] has no "name" (such as name = "echo")'],
    ['[[service]]\nname = "a b"\nkind = "echo"', 'monitor.toml:2: service.name must be a name of letters'],
    ['[[service]]\nname = ".."\nkind = "echo"', 'monitor.toml:2: service.name must be a name of letters'],
    [A, 'monitor.toml:2: nothing tells whether "a" is up (set "command", "systemd_unit", "pid_file", "health_url" or "probe")'],
    [`${ECHO}${ECHO}`, 'monitor.toml:5: two services have the name "a" (give one of them another)'],
    [`${ECHO}comand = "x"`, 'monitor.toml:4: unknown key "comand" in [[service]] (did you mean "command"?)'],
    [`${ECHO}command = "rtplat echo"`, 'monitor.toml:4: the command is one word with blanks (there is no shell: write ["rtplat","echo"])'],
    [`${ECHO}command = "a"\nsystemd_unit = "b"`, 'monitor.toml:5: both "command" and "systemd_unit" are set'],
    [`${ECHO}output = "a"`, 'monitor.toml:4: "output" is of a command, and there is none'],
    [`${ECHO}systemd_user = true`, 'monitor.toml:4: "systemd_user" is of a systemd_unit, and there is none'],
    [`${ECHO}systemd_unit = "--now"`, 'monitor.toml:4: service.systemd_unit must be the name of a systemd unit'],
    [`${ECHO}command = "a"\nenvironment = "A"`, 'monitor.toml:5: service.environment must be a list of 0 to 256, each NAME=VALUE'],
    [`${ECHO}probe_target = "4000"`, 'monitor.toml:4: probe "echo" wants HOST:PORT such as "127.0.0.1:4000", not "4000"'],
    [`${ECHO}probe = "sip"`, 'monitor.toml:4: probe "sip" has no target (set "probe_target")'],
    [`${A}probe = "http"\nprobe_target = "ftp://x/"`, 'monitor.toml:4: probe "http" wants a URL such as'],
    [`${A}command = "x"\nprobe_target = "a:1"`, 'monitor.toml:4: "probe_target" is of a probe, and there is none (set "probe")'],
    [`${A}health_url = "127.0.0.1:9090"`, 'monitor.toml:3: service.health_url must be an http:// or https:// URL'],
    [`${A}health_url = "http://u:p@h/"`, 'not "http://u:p@h/" (without a user and a password)'],
    [`${ECHO}interval_ms = 500`, 'monitor.toml:4: an answer may take 1000 ms, and every 500 ms one is wanted'],
    [`${ECHO}restart_delay_ms = 70000`, 'monitor.toml:4: the delay of 70000 ms is above its maximum of 60000 ms'],
    ['[webhook]\ntoken_file = "t"', 'monitor.toml:2: the token is of a webhook, and there is none (set webhook.url)'],
    [
      `[[service]]\nname = "a"\npid_file = "p"\n[[service]]\nname = "b"\npid_file = "p"`,
      'monitor.toml:6: two services have the pid_file "p"',
    ],
  ])('%j', (text, problem) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});

test('delays that never let it be given up are warned of', () => {
  const text = `${ECHO}command = "x"\nattempt_window_seconds = 10`;
  expect(problemsOf(text)).toEqual([]);
  // Half of 2 + 4 + 8 + 16 + 32 s.
  expect(warningsOf(text)).toEqual([
    'monitor.toml:5: with these delays 5 restarts and the next take longer than 10 s: it may never be given up (raise attempt_window_seconds)',
  ]);
  expect(warningsOf(`${ECHO}command = "x"\nattempt_window_seconds = 32`)).toEqual([]);
});

describe('what is printed', () => {
  const printed = printConfig(MONITOR_SCHEMA, configOf(''));

  it('is the same configuration', () => {
    expect(configOf(printed)).toEqual(configOf(''));
    const full = configOf(`${ECHO}command = ["rtplat", "echo"]\nenvironment = ["A=b"]\n[webhook]\nurl = "https://h/"`);
    expect(configOf(printConfig(MONITOR_SCHEMA, full))).toEqual(full);
  });

  it('has an example that works', () => {
    const example = printed
      .split('\n')
      .filter((line) => /^# (\[\[|\w+ = )/.test(line))
      .map((line) => line.slice(2));
    const text = example.slice(example.indexOf('[[service]]')).join('\n');
    expect([...problemsOf(text), ...warningsOf(text)]).toEqual([]);
    expect(configOf(text).service).toHaveLength(2);
  });

  it('is valid by the JSON Schema', () => {
    const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configJsonSchema(MONITOR_SCHEMA));
    expect(validate(parse(printed)), JSON.stringify(validate.errors)).toBe(true);
    expect(validate(parse('[[service]]\nkind = "echo"'))).toBe(false);
  });
});

describe('docs/monitor.md', () => {
  const page = readPage('docs/monitor.md');

  function rowsFor(fields: Readonly<Record<string, AnyField>>): readonly string[] {
    return Object.entries(fields).flatMap(([name, field]) => {
      if (field.kind !== 'key') return [];
      const { presence, type, doc } = field;
      const value = presence === 'default' ? `\`${type.print(field.default)}\`` : presence === 'required' ? 'must be set' : '–';
      return [`| \`${name}\` | ${value} | ${doc} ${type.expected.charAt(0).toUpperCase()}${type.expected.slice(1)}. |`];
    });
  }

  it('has every key with its default, what it means and what it may be', () => {
    const rows = page.prose.split('\n').filter((line) => /^\| `[a-z_]+` \| (`|–|must)/.test(line));
    expect(rows).toEqual(Object.values(anyFields(MONITOR_SCHEMA)).flatMap((field) => (field.kind === 'key' ? [] : rowsFor(field.fields))));
  });

  it('has examples that are read without a word', () => {
    const examples = page.blocks.filter(({ language }) => language === 'toml');
    expect(examples.length).toBeGreaterThan(0);
    for (const { lines } of examples) expect([...problemsOf(lines.join('\n')), ...warningsOf(lines.join('\n'))]).toEqual([]);
  });
});
