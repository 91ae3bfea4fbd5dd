/** What the keys of `sip-serve` demand of each other, across tables. */
import type { ConfigPath } from '../../service/config/problem.ts';
import type { Report } from '../../service/config/schema.ts';
import { isLoopback, isUnspecified } from '../../values/address.ts';
import type { SipServeConfig } from '../config.ts';

export function checkSipServe(config: SipServeConfig, report: Report): void {
  checkTls(config, report);
  checkPorts(config, report);
  checkMedia(config, report);
  checkBehavior(config, report);
  checkRoutes(config, report);
  checkAccounts(config, report);
}

function checkTls({ sip }: SipServeConfig, report: Report): void {
  const { cert, key, self_signed: selfSigned } = sip.tls;
  const CERT: ConfigPath = ['sip', 'tls', 'cert'];
  const KEY: ConfigPath = ['sip', 'tls', 'key'];
  const SELF: ConfigPath = ['sip', 'tls', 'self_signed'];
  if (selfSigned && (cert !== undefined || key !== undefined)) {
    report.problem([SELF, cert === undefined ? KEY : CERT], 'both a certificate and self_signed are set', 'keep one of them');
  } else if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? 'cert' : 'key';
    report.problem([cert === undefined ? KEY : CERT], 'a certificate and its private key belong together', `set sip.tls.${missing} too`);
  } else if (sip.transports.includes('tls') && cert === undefined && !selfSigned) {
    report.problem([['sip', 'transports'], CERT, KEY, SELF], 'transport "tls" has no certificate', 'set cert and key of [sip.tls]');
  }
  if (!sip.transports.includes('tls') && (selfSigned || cert !== undefined)) {
    report.warning([selfSigned ? SELF : CERT, ['sip', 'transports']], 'the certificate is not used', 'add "tls" to sip.transports');
  }
}

function checkPorts(config: SipServeConfig, report: Report): void {
  const { sip, media, relay, health } = config;
  const { rtp_port_range_start: first, rtp_port_range_end: last } = media;
  const FIRST: ConfigPath = ['media', 'rtp_port_range_start'];
  const LAST: ConfigPath = ['media', 'rtp_port_range_end'];
  const inRange = (port: number): boolean => port >= first && port <= last;
  if (last < first) {
    report.problem([LAST, FIRST], `the RTP range ${first}-${last} runs backwards`, 'rtp_port_range_start is the lower one');
  } else {
    // Calls have an even port for RTP and the odd one behind it for RTCP (RFC 3550 §11).
    const calls = Math.floor((last + 1) / 2) - Math.ceil(first / 2);
    const most = config.behavior.max_concurrent_calls;
    const paths = [LAST, FIRST, ['behavior', 'max_concurrent_calls']] as const;
    if (calls < 1) report.problem(paths, `the RTP range ${first}-${last} has no pair of ports`, 'begin with an even port');
    else if (calls < most) {
      report.warning(paths, `the RTP range ${first}-${last} is enough for ${calls} calls, not for ${most}`, 'widen it');
    }
  }
  if (sip.transports.includes('udp') && inRange(sip.port)) {
    report.problem([['sip', 'port'], FIRST, LAST], `the SIP port ${sip.port} lies in the RTP range ${first}-${last}`, 'move one of them');
  }
  if (isLoopback(relay.echo_host) && inRange(relay.echo_port)) {
    const text = `the echo port ${relay.echo_port} lies in the RTP range ${first}-${last}`;
    report.warning([['relay', 'echo_port'], FIRST, LAST, ['relay', 'echo_host']], text, 'move one of them');
  }
  checkTcpPorts({ sip, health }, report);
}

function checkTcpPorts({ sip, health }: Pick<SipServeConfig, 'sip' | 'health'>, report: Report): void {
  const SIP: ConfigPath = ['sip', 'port'];
  const TLS: ConfigPath = ['sip', 'tls', 'port'];
  const HTTP: ConfigPath = ['health', 'health_check_port'];
  const tcp = sip.transports.includes('tcp') && sip.port !== 0;
  const tls = sip.transports.includes('tls') && sip.tls.port !== 0;
  if (tcp && tls && sip.tls.port === sip.port) {
    report.problem([TLS, SIP], `TLS and TCP cannot share port ${sip.port}`, 'give sip.tls.port another');
  }
  const everywhere = isUnspecified(health.bind_address) || sip.bind_address.some(isUnspecified);
  if (!health.enable_health_check || (!everywhere && !sip.bind_address.includes(health.bind_address))) return;
  const port = health.health_check_port;
  const taken = (tcp && port === sip.port && SIP) || (tls && port === sip.tls.port && TLS);
  if (taken !== false) report.problem([HTTP, taken], `HTTP and SIP cannot share TCP port ${port}`, 'give health.health_check_port another');
}

function checkMedia({ sip, media }: SipServeConfig, report: Report): void {
  if (media.audio_sample_rate !== 8_000 && !media.preferred_codecs.includes('L16')) {
    const paths = [
      ['media', 'audio_sample_rate'],
      ['media', 'preferred_codecs'],
    ] as const;
    report.warning(paths, `no codec of preferred_codecs has ${media.audio_sample_rate} Hz`, 'add "L16"');
  }
  if (sip.external_address !== undefined && isUnspecified(sip.external_address)) {
    report.problem([['sip', 'external_address']], `nobody can reach ${sip.external_address}`, 'name the address that callers use');
  }
}

function checkBehavior(config: SipServeConfig, report: Report): void {
  const { behavior } = config;
  const MODE: ConfigPath = ['behavior', 'mode'];
  if (behavior.mode === 'play' && behavior.play_file === undefined) {
    report.problem([MODE, ['behavior', 'play_file']], 'mode "play" has no file', 'set behavior.play_file');
  }
  const lasts = behavior.tone_duration_seconds;
  if (behavior.mode === 'tone' && lasts > behavior.call_timeout_seconds) {
    const paths = [['behavior', 'tone_duration_seconds'], ['behavior', 'call_timeout_seconds'], MODE] as const;
    report.warning(
      paths,
      `calls end after ${behavior.call_timeout_seconds} s, before the tone of ${lasts} s`,
      'raise call_timeout_seconds',
    );
  }
  checkFrequency(config, behavior.tone_frequency, ['behavior', 'tone_frequency'], report);
  if (behavior.auto_answer) checkDelay(config, behavior.auto_answer_delay_ms, ['behavior', 'auto_answer_delay_ms'], report);
}

/** A tone from half of the sampling rate on comes out as another one. */
function checkFrequency({ media }: SipServeConfig, hertz: number, path: ConfigPath, report: Report): void {
  const wide = media.audio_sample_rate === 16_000 && media.preferred_codecs.every((name) => name === 'L16');
  const limit = wide ? 8_000 : 4_000;
  if (hertz < limit) return;
  const paths = [path, ['media', 'preferred_codecs'], ['media', 'audio_sample_rate']] as const;
  report.problem(paths, `a tone of ${hertz} Hz does not fit the sampling rate`, `it has to be below ${limit} Hz`);
}

function checkDelay({ limits }: SipServeConfig, delayMs: number, path: ConfigPath, report: Report): void {
  const ringMs = limits.ring_timeout_seconds * 1_000;
  if (delayMs < ringMs) return;
  const paths = [path, ['limits', 'ring_timeout_seconds']] as const;
  report.problem(paths, `the call is given up after ${ringMs} ms and answered after ${delayMs} ms`, 'shorten the delay');
}

function checkRoutes(config: SipServeConfig, report: Report): void {
  const seen = new Map<string, number>();
  for (const [index, rule] of config.route.entries()) {
    const at = (...rest: readonly string[]): ConfigPath => ['route', index, ...rest];
    if (rule.action === 'play' && rule.file === undefined && config.behavior.play_file === undefined) {
      report.problem([at('action'), at('file'), ['behavior', 'play_file']], 'action "play" has no file', 'set "file" of this [[route]]');
    }
    if (rule.answer_delay_ms !== undefined) checkDelay(config, rule.answer_delay_ms, at('answer_delay_ms'), report);
    if (rule.frequency !== undefined) checkFrequency(config, rule.frequency, at('frequency'), report);
    for (const [tone, hertz] of (rule.tones ?? []).entries()) checkFrequency(config, hertz, [...at('tones'), tone], report);
    const earlier = seen.get(rule.match) ?? seen.get('*');
    if (earlier !== undefined) {
      const other = config.route[earlier]?.match ?? '';
      report.warning(
        [at('match'), ['route', earlier, 'match']],
        `this [[route]] is never reached: an earlier one matches "${other}"`,
        'move it up',
      );
    } else seen.set(rule.match, index);
  }
}

function checkAccounts(config: SipServeConfig, report: Report): void {
  const seen = new Map<string, number>();
  for (const [index, account] of config.register.entries()) {
    const name = JSON.stringify([account.registrar.toLowerCase(), account.username]);
    const earlier = seen.get(name);
    if (earlier === undefined) seen.set(name, index);
    else {
      const paths = [
        ['register', index, 'username'],
        ['register', earlier, 'username'],
      ] as const;
      report.problem(paths, `"${account.username}" at ${account.registrar} is registered twice`, 'take one [[register]] away');
    }
    if (!config.sip.transports.includes(account.transport)) {
      const paths = [
        ['register', index, 'transport'],
        ['register', index, 'username'],
      ] as const;
      const text = `calls will come over ${account.transport}, which is not listened on`;
      report.warning(paths, text, `add "${account.transport}" to sip.transports`);
    }
  }
}
