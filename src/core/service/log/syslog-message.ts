/** A line as syslog has it: RFC 5424 on the network, the older shape of syslog(3) on the socket of this host. */
import type { LogLine, LogLevel } from '../log.ts';
import type { SyslogFacility } from './syslog-settings.ts';

/** Who we are, to syslog. */
export interface SyslogIdentity {
  readonly facility: SyslogFacility;
  readonly hostname: string;
  readonly appName: string;
  readonly pid: number;
}

/** RFC 5424 §6.2.1. */
const FACILITY: Readonly<Record<SyslogFacility, number>> = {
  ...{ user: 1, daemon: 3 },
  ...{ local0: 16, local1: 17, local2: 18, local3: 19, local4: 20, local5: 21, local6: 22, local7: 23 },
};
const SEVERITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * `<30>1 2026-11-21T03:00:00.000Z host app 123 - - message` (RFC 5424 §6).
 *
 * No MSGID: that names a kind of event, and our scopes name calls. No byte order mark before the message (§6.4): receivers show it
 * as text, and JSON behind it is none.
 */
export function networkMessage(line: LogLine, identity: SyslogIdentity): string {
  const { hostname, appName, pid } = identity;
  const head = `<${priority(line, identity)}>1 ${line.time.toISOString()}`;
  return `${head} ${printable(hostname, 255)} ${printable(appName, 48)} ${pid} - - ${line.body}`;
}

/**
 * `<30>Nov 21 03:00:00 app[123]: message`, the time that of this host and no host name: what syslog(3) writes, and all that rsyslog
 * and journald take apart on this socket; of RFC 5424 they would make a message with a header in its text.
 */
export function localMessage(line: LogLine, identity: SyslogIdentity): string {
  const { time } = line;
  const day = String(time.getDate()).padStart(2);
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
  const head = `<${priority(line, identity)}>${MONTHS[time.getMonth()] ?? ''} ${day} ${clock}`;
  return `${head} ${printable(identity.appName, 48)}[${identity.pid}]: ${line.body}`;
}

function priority({ level }: LogLine, { facility }: SyslogIdentity): number {
  return FACILITY[facility] * 8 + SEVERITY[level];
}

/** PRINTUSASCII of at most so many characters; `-` for nothing (§6.1). */
function printable(text: string, most: number): string {
  let out = '';
  for (const c of text.slice(0, most)) out += c > ' ' && c <= '~' ? c : '?';
  return out === '' ? '-' : out;
}

/** As much of it as fits into `most` bytes of UTF-8, without half a character. */
export function cut(text: string, most: number): string {
  // Three bytes for a UTF-16 unit at most.
  if (text.length * 3 <= most) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}
