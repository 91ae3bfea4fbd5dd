/**
 * Our relay as a subject: the fleet of calls behind `rtplat ari-serve`, without an Asterisk. Everything that is measured in
 * service is measured here.
 *
 *     node relay.ts --calls N --range A-B --echo 127.0.0.1:4000 --peer-port PORT [--engine auto|batch|portable] [--no-recording]
 *
 * The caller of call i is 127.1.0.0 + i, port PORT. Prints one line of JSON when all ports are open, `{"ready":true,"ports":[…]}`,
 * and at SIGTERM, when all are released, the metrics document.
 */
import { parseArgs } from 'node:util';
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import { ThreadMedia } from '../../src/core/relay/media.ts';
import { createLogger } from '../../src/core/service/log.ts';
import { ENGINE_CHOICES } from '../../src/core/udp/choices.ts';
import { nowNs } from '../../src/core/udp/clock.ts';
import { parseHostPort } from '../../src/core/values/address.ts';
import { parsePort, parsePortRange, wholeNumber } from '../../src/core/values/ports.ts';

const FIRST_CALLER = 0x7f_01_00_00;

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '' },
    range: { type: 'string', default: '' },
    echo: { type: 'string', default: '' },
    'peer-port': { type: 'string', default: '' },
    engine: { type: 'string', default: 'auto' },
    'no-recording': { type: 'boolean', default: false },
  },
});
const count = wholeNumber(values.calls);
const range = parsePortRange(values.range);
const echo = parseHostPort(values.echo);
const peerPort = parsePort(values['peer-port']);
const choice = ENGINE_CHOICES.find((name) => name === values.engine);
if (count === undefined || range === undefined || echo === undefined || peerPort === undefined || choice === undefined) {
  throw new Error('wrong options; the head of this file says which there are');
}
if (values['no-recording']) throw new Error('--no-recording: not yet');

const media = await ThreadMedia.start(
  { bindAddress: '127.0.0.1', bufferBytes: null, echoSocket: 'shared', lossTimeoutNs: 2e9, lateThresholdNs: 3e6 },
  { engine: choice },
);
const fleet = new RelayFleet({
  media,
  range,
  echo: () => ({ address: echo.host, port: echo.port }),
  nowNs,
  log: createLogger({ format: 'text', level: 'error', write: (line) => process.stderr.write(`${line}\n`) }),
});
const calls = Array.from({ length: count }, (_, i) => fleet.open(`call-${i}`, `caller ${i}`));
const ports: number[] = [];
for (const [i, call] of calls.entries()) {
  ports.push(await call.bind());
  await call.pin({ address: addressOf(FIRST_CALLER + i), port: peerPort });
}
process.stdout.write(`${JSON.stringify({ ready: true, ports })}\n`);

process.once('SIGTERM', () => void end());

async function end(): Promise<void> {
  await Promise.all(calls.map((call) => call.release()));
  process.stdout.write(`${JSON.stringify(fleet.metrics())}\n`);
  await media.stop();
}

function addressOf(bits: number): string {
  return [bits >>> 24, (bits >>> 16) & 0xff, (bits >>> 8) & 0xff, bits & 0xff].join('.');
}
