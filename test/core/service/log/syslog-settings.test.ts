import { expect, test } from 'vitest';
import { parseSyslogDestination } from '../../../../src/core/service/log/syslog-settings.ts';

test.each([
  ['local', { kind: 'local' }],
  ['unix:///run/log', { kind: 'unix', path: '/run/log' }],
  ['udp://loghost', { kind: 'udp', at: { host: 'loghost', port: 514 } }],
  ['udp://192.0.2.1:5140', { kind: 'udp', at: { host: '192.0.2.1', port: 5140 } }],
  ['tcp://[2001:db8::1]:601', { kind: 'tcp', at: { host: '2001:db8::1', port: 601 } }],
  ['tcp://[::1]', { kind: 'tcp', at: { host: '::1', port: 514 } }],
])('%s', (text, destination) => {
  expect(parseSyslogDestination(text)).toEqual(destination);
});

test.each([
  '',
  'Local',
  'loghost',
  'udp:',
  'udp://',
  'udp://:514',
  'udp://a:0',
  'udp://a:65536',
  'udp://a b',
  'udp://a/b',
  'tcp://::1',
  'tls://a:6514',
  'unix://run/log',
  `unix:///${'x'.repeat(107)}`,
])('%j is nowhere', (text) => {
  expect(parseSyslogDestination(text)).toBeUndefined();
});
