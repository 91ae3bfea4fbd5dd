import { formatRecord } from '../../../src/core/service/log.ts';
import { cut, localMessage, networkMessage } from '../../../src/core/service/log/syslog-message.ts';
import { parseSyslogDestination } from '../../../src/core/service/log/syslog-settings.ts';
import { escapeControl } from '../../../src/core/values/terminal.ts';
import { fitted, padded, safeText, widthOfText } from '../../../src/core/watch/text.ts';
import { bytesOf, must, mustBeOneCleanLine, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const TIME = new Date(0);
const IDENTITY = { facility: 'daemon', hostname: 'lab', appName: 'rtplat', pid: 1 } as const;

export const target: FuzzTarget = {
  name: 'log',
  what: "a peer's text in log lines, syslog and on a terminal: always one line that moves no cursor, and in JSON the same text",
  code: ['values/terminal.ts', 'service/log.ts', 'service/log/syslog-message.ts', 'service/log/syslog-settings.ts', 'watch/text.ts'],
  mostBytes: 400,
  inputs: 300_000,
  seeds: () =>
    bytesOf(
      'a\r\nb\u001B[31m',
      '\u009B2J\u2028\u202E\u2066x',
      'é\u0301\u{1F600}漢字\uFEFF',
      '{"a":"\\u0007"}',
      'udp://[::1]:514',
      'unix:///dev/log',
      'tcp://host',
    ),
  check(input) {
    const text = textOf(input);
    const half = text.slice(0, text.length >> 1);
    mustBeOneCleanLine(escapeControl(text), 'escaped text');
    const record = { level: 'warn', time: TIME, scope: half, message: text, fields: { peer: half } } as const;
    const line = formatRecord(record, 'text');
    mustBeOneCleanLine(line.text, 'a log line');
    const asJson = formatRecord(record, 'json');
    must(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(asJson.text), 'a control character in JSON', asJson.text);
    mustEqual(JSON.parse(asJson.text), { time: TIME.toISOString(), level: 'warn', scope: half, message: text, peer: half }, 'JSON');
    for (const message of [networkMessage(line, { ...IDENTITY, appName: half }), localMessage(line, IDENTITY)])
      mustBeOneCleanLine(message, 'syslog');
    const most = text.length % 50;
    must(Buffer.byteLength(cut(text, most)) <= most || text.length * 3 <= most, 'cut to', most, cut(text, most));
    const shown = safeText(text);
    mustBeOneCleanLine(shown, 'on a terminal');
    const width = 1 + (text.length % 40);
    must(widthOfText(fitted(shown, width)) <= width, 'wider than', width, fitted(shown, width));
    must(widthOfText(padded(shown, width, 'right')) <= width, 'padded to', width);
    const destination = parseSyslogDestination(text);
    if (destination?.kind === 'udp' || destination?.kind === 'tcp') must(destination.at.port > 0, 'syslog on port', destination.at.port);
  },
};
