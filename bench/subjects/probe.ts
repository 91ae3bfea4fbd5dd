/**
 * The probe as a subject: the session of `rtplat probe`, with every single round trip told. Prints one JSON object, {@link
 * ProbeReport}.
 *
 *     node probe.ts PORT STREAMS PACKETS_PER_SECOND SECONDS        to 127.0.0.1
 */
import { ProbeSession } from '../../src/core/probe/session.ts';
import { selectEngine } from '../../src/core/udp/select.ts';

export interface ProbeReport {
  readonly engine: string;
  readonly clock: string;
  readonly sent: number;
  /** Actual minus due time of sending, ns. */
  readonly sendError: { readonly p50: number; readonly p99: number; readonly max: number };
  /** By stream, then by packet; null when lost. */
  readonly roundTripsNs: readonly (readonly (number | null)[])[];
}

const MS = 1e6;
const [port = 0, streams = 1, packetsPerSecond = 50, seconds = 1] = process.argv.slice(2).map(Number);
const packets = packetsPerSecond * seconds;
const roundTripsNs = Array.from({ length: streams }, () => Array.from({ length: packets }, (): number | null => null));
let observed = 0;

const { engine } = await selectEngine('auto');
const session = new ProbeSession({
  engine,
  givesWay: true,
  targets: [{ address: '127.0.0.1', port }],
  options: {
    streams,
    intervalNs: 1e9 / packetsPerSecond,
    ptimeNs: 20 * MS,
    durationNs: seconds * 1e9,
    timeoutNs: 2000 * MS,
    lateThresholdNs: 3 * MS,
    seed: 1,
    bufferBytes: 2 * 1024 * 1024,
  },
  observe: (stream, index, latencyNs) => {
    const ofStream = roundTripsNs[stream];
    if (ofStream !== undefined) ofStream[index] = latencyNs;
    observed += 1;
  },
});
const result = await session.run();
if (observed !== result.received) throw new Error(`the session told ${observed} of ${result.received} round trips`);
const { sendError } = result;
const report: ProbeReport = {
  engine: result.engine,
  clock: result.clock,
  sent: result.sent,
  sendError: {
    p50: sendError.quantileNs(0.5) ?? Number.NaN,
    p99: sendError.quantileNs(0.99) ?? Number.NaN,
    max: sendError.maxNs ?? Number.NaN,
  },
  roundTripsNs,
};
process.stdout.write(`${JSON.stringify(report)}\n`);
