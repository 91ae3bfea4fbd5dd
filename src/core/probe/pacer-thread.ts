/** The thread that keeps the deadlines of a probe: it sends the packets itself, or wakes the main thread to send them. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { TokenKey } from '../echo/token.ts';
import { nowNs } from '../udp/clock.ts';
import { keepDeadlines } from '../udp/batch/deadline-thread.ts';
import { loadLibc } from '../udp/batch/libc.ts';
import { pace } from './pace.ts';
import type { Beat } from './pace.ts';
import { PacerMemory } from './pacer-memory.ts';
import { PacketSender } from './pacer-sender.ts';
import type { ProbeOptions } from './result.ts';
import { Schedule } from './schedule.ts';
import { streamSources } from './source.ts';

/** Its `workerData`. */
export interface PacerTask {
  readonly options: ProbeOptions;
  /** Of a {@link PacerMemory} for these options. */
  readonly memory: SharedArrayBuffer;
  /** Send, through the descriptors in the memory; else announce what is due. */
  readonly sends: boolean;
}

const { options, memory: buffer, sends } = workerData as PacerTask;
const memory = new PacerMemory(options, buffer);
const schedule = new Schedule(options);
const libc = keepDeadlines();

const beat: Beat = { nowNs, sleep: (ns) => memory.sleep(ns), ...announcer() };
// A word that it is up; nothing is ever said back.
(parentPort as MessagePort).postMessage('up', []);
memory.awaitStart();
if (memory.running) pace(schedule, memory, beat);

function announcer(): Pick<Beat, 'prepare' | 'due'> {
  if (!sends) return { prepare: () => undefined, due: (n) => memory.announceDue(n) };
  const sender = new PacketSender({
    libc: libc ?? loadLibc(),
    memory,
    schedule,
    sources: streamSources(options),
    ptimeNs: options.ptimeNs,
    audio: options.audio,
    oneWay: options.oneWay,
    token: options.tokenKey === undefined ? undefined : new TokenKey(options.tokenKey),
    srtp: options.srtp?.send,
  });
  return { prepare: (n) => sender.prepare(n), due: (n) => sender.send(n) };
}
