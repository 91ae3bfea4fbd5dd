/**
 * The run document of a probe, whatever it thinks of itself: status 0 where `rtplat probe` ends with 4.
 *
 *     node probe-run.ts PORT STREAMS SECONDS        to 127.0.0.1, 50 packets a second each
 */
import { thisHost } from '../../src/commands/host.ts';
import { probeRun } from '../../src/core/probe/document.ts';
import { ProbeSession } from '../../src/core/probe/session.ts';
import { selectEngine } from '../../src/core/udp/select.ts';
import { VERSION } from '../../src/version.ts';

const MS = 1e6;
const [port = 0, streams = 1, seconds = 5] = process.argv.slice(2).map(Number);
const { engine, reason } = await selectEngine('auto');
const session = new ProbeSession({
  engine,
  givesWay: true,
  targets: [{ address: '127.0.0.1', port }],
  options: {
    streams,
    intervalNs: 20 * MS,
    ptimeNs: 20 * MS,
    durationNs: seconds * 1e9,
    timeoutNs: 2000 * MS,
    lateThresholdNs: 3 * MS,
    seed: 1,
    bufferBytes: 2 * 1024 * 1024,
  },
});
const startedAt = new Date().toISOString();
const result = await session.run();
const labels = { target: `udp://127.0.0.1:${port}`, startedAt, engineReason: reason };
const run = probeRun(result, { ...labels, version: VERSION, host: thisHost(), endedAt: new Date().toISOString() });
process.stdout.write(`${JSON.stringify({ ...run, calls: [] })}\n`);
