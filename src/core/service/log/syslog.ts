/** Syslog as a target: the socket of this host, or a receiver on the network. */
import { fstatSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LogLine } from '../log.ts';
import { LocalSyslog } from './syslog-local.ts';
import { localMessage, networkMessage } from './syslog-message.ts';
import type { SyslogIdentity } from './syslog-message.ts';
import type { SyslogSettings } from './syslog-settings.ts';
import { TcpSyslog } from './syslog-tcp.ts';
import { UdpSyslog } from './syslog-udp.ts';
import type { LogTarget, Note } from './target.ts';

export interface SyslogParts {
  readonly appName: string;
  readonly env: NodeJS.ProcessEnv;
  readonly note: Note;
}

export interface SyslogOpening {
  /** undefined where lines would come twice. */
  readonly target: LogTarget | undefined;
  /** Why no lines go there, where that is no fault. */
  readonly absent: string | undefined;
}

const LOCAL_SOCKET = '/dev/log';

export function openSyslog({ destination, facility }: SyslogSettings, parts: SyslogParts): SyslogOpening {
  const { note } = parts;
  const identity: SyslogIdentity = { facility, appName: parts.appName, hostname: hostname(), pid: process.pid };
  const onNetwork = (line: LogLine): string => networkMessage(line, identity);
  switch (destination.kind) {
    case 'local':
    case 'unix': {
      const expected = destination.kind === 'unix';
      if (!expected && isJournal(parts.env)) return { target: undefined, absent: 'standard output is the journal already' };
      const path = expected ? destination.path : LOCAL_SOCKET;
      const target = new LocalSyslog({ path, format: (line) => localMessage(line, identity), note, expected });
      return { target, absent: target.start() };
    }
    case 'udp':
      return { target: new UdpSyslog({ at: destination.at, format: onNetwork, note }), absent: undefined };
    case 'tcp': {
      const target = new TcpSyslog({ at: destination.at, format: onNetwork, note });
      target.start();
      return { target, absent: undefined };
    }
  }
}

/**
 * Whether standard output leads to the journal. systemd names the stream that it made (systemd.exec(5), JOURNAL_STREAM); a process
 * whose output was redirected since has inherited the variable all the same.
 */
export function isJournal(env: NodeJS.ProcessEnv, fd = 1): boolean {
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
