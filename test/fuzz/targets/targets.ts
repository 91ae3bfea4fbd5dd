import { parseCallTarget } from '../../../src/core/caller/target.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import { parseProcStat } from '../../../src/core/monitor/proc-stat.ts';
import { judgeHealth } from '../../../src/core/monitor/health-answer.ts';
import { parseUnitStatus } from '../../../src/core/monitor/unit-status.ts';
import { parseTarget } from '../../../src/core/probe/target.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { createRequest, serialize } from '../../../src/core/sip/message.ts';
import { compileUserPattern } from '../../../src/core/sip-server/user-pattern.ts';
import { bytesOf, must, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'targets',
  what: 'whom to call and to probe, patterns of users, and what systemd, /proc and health endpoints answer to a monitor',
  code: [
    'caller/target.ts',
    'probe/target.ts',
    'sip-server/user-pattern.ts',
    'monitor/proc-stat.ts',
    'monitor/unit-status.ts',
    'monitor/health-answer.ts',
  ],
  mostBytes: 400,
  inputs: 500_000,
  seeds: () =>
    bytesOf(
      'sip:600@192.0.2.10:5070;transport=tcp',
      'sips:a%20b@[2001:db8::1];x=y',
      'udp://127.0.0.1:4000',
      '[6-8]?*[!0-9]\n6012',
      '*a*b*c*d*\nxaxbxcxdx',
      '1 (a) b) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 8765 1 1',
      'LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=77\n',
      '{"status":"unhealthy","reason":"no connection"}',
    ),
  check(input) {
    const text = textOf(input);
    refusing(() => {
      const { uri, routes, from } = parseCallTarget(text, { proxy: text.includes('proxy') ? text : undefined, user: 'me' });
      // What is called can be asked for: nothing in it ends the line, or the header.
      const headers = [...routes.map((route) => ['Route', route] as const), ['From', `<${from ?? uri}>`] as const];
      must(
        new TextDecoder().decode(serialize(createRequest('INVITE', uri, headers))).split('\r\n').length === headers.length + 4,
        'more lines',
        uri,
      );
      parseMessage(serialize(createRequest('INVITE', uri, headers)));
    });
    refusing(() => must(parseTarget(text).port > 0, 'a port of 0'));
    const end = text.indexOf('\n');
    const compiled = compileUserPattern(end === -1 ? text : text.slice(0, end));
    if ('pattern' in compiled) compiled.pattern.matches(end === -1 ? text : text.slice(end + 1));
    const process = parseProcStat(text);
    must(process === undefined || Number.isSafeInteger(process.startTicks), 'ticks', process?.startTicks);
    const unit = parseUnitStatus(text);
    must(unit === undefined || unit.pid === null || unit.pid > 0, 'a process of number', unit?.pid);
    for (const status of [200, 503])
      judgeHealth({ url: 'http://x/', document: true, onUnhealthy: 'restart' }, { status, body: text, tookMs: 1 });
  },
};

function refusing(reading: () => void): void {
  try {
    reading();
  } catch (error) {
    if (!(error instanceof RtplatError) || error.code !== 'usage') throw error;
  }
}
