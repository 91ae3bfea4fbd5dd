/**
 * Our relay as a subject: the fleet of calls behind `rtplat ari-serve`, without an Asterisk. Everything that is measured in
 * service is measured here.
 *
 *     node relay.ts --calls N --range A-B --echo 127.0.0.1:4000 --peer-port PORT [--engine auto|batch|portable]
 *
 * The caller of call i is 127.1.0.0 + i, port PORT. Prints one line of JSON when all ports are open, `{"ready":true,"ports":[…]}`,
 * and at SIGTERM, when all are released, the metrics document.
 */
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import { ThreadMedia } from '../../src/core/relay/media.ts';
import { createLogger } from '../../src/core/service/log.ts';
import { nowNs } from '../../src/core/udp/clock.ts';
import { callerOf, relayArguments } from './relay-arguments.ts';

const { calls: count, range, echo, peerPort, engine } = relayArguments();
const media = await ThreadMedia.start(
  { bindAddress: '127.0.0.1', bufferBytes: null, echoSocket: 'shared', lossTimeoutNs: 2e9, lateThresholdNs: 3e6 },
  { engine },
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
  await call.pin({ address: callerOf(i), port: peerPort });
}
process.stdout.write(`${JSON.stringify({ ready: true, ports })}\n`);

process.once('SIGTERM', () => void end());

async function end(): Promise<void> {
  await Promise.all(calls.map((call) => call.release()));
  process.stdout.write(`${JSON.stringify(fleet.metrics())}\n`);
  await media.stop();
}
