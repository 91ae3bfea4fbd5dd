/** The thread of a pacer pool: sends the packets of all its probes at their deadlines, or announces them, the one that is due first first. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { nowNs } from '../udp/clock.ts';
import { keepDeadlines } from '../udp/batch/deadline-thread.ts';
import { loadLibc } from '../udp/batch/libc.ts';
import { WakeUpLead } from './pace.ts';
import { PacerMemory } from './pacer-memory.ts';
import { PacketSender } from './pacer-sender.ts';
import type { ProbeOptions } from './result.ts';
import { Schedule } from './schedule.ts';
import { streamSources } from './source.ts';

/** Between two of them the bell is rung. */
export type PoolMessage =
  | {
      readonly kind: 'add';
      readonly id: number;
      readonly options: ProbeOptions;
      /** Of a {@link PacerMemory} for these options. */
      readonly memory: SharedArrayBuffer;
      /** Send, through the descriptors in the memory; else announce what is due. */
      readonly sends: boolean;
    }
  | { readonly kind: 'close' };

/** `done`: no packet of it will be sent. */
export type PoolNews = { readonly kind: 'up' } | { readonly kind: 'done'; readonly id: number };

interface Job {
  readonly id: number;
  readonly schedule: Schedule;
  readonly memory: PacerMemory;
  readonly sender: PacketSender | undefined;
  /** Packet that comes next. */
  n: number;
  /** When; Infinity before the start. */
  dueNs: number;
}

/** Between two looks whether the main thread has made room. */
const NO_ROOM_NS = 1e6;

const port = parentPort as MessagePort;
const bell = new Int32Array(workerData as SharedArrayBuffer);
const libc = keepDeadlines();
const jobs: Job[] = [];
const lead = new WakeUpLead();
let closed = false;

tell({ kind: 'up' });
while (!closed) {
  // Read first: what rings after it ends the sleep below.
  const rung = Atomics.load(bell, 0);
  hear();
  turn(rung);
}

function turn(rung: number): void {
  const job = nextJob();
  if (closed) return;
  if (job === undefined || job.dueNs === Number.POSITIVE_INFINITY) {
    Atomics.wait(bell, 0, rung);
    return;
  }
  if (!job.memory.hasRoomFor(job.n)) {
    // A main thread that was held up so long holds up its sending, and the send error says so: nothing goes unaccounted.
    Atomics.wait(bell, 0, rung, NO_ROOM_NS / 1e6);
    return;
  }
  job.sender?.prepare(job.n);
  let leftNs = job.dueNs - nowNs();
  if (leftNs > 0) {
    const earlierNs = lead.before(leftNs);
    // A word of the main thread: what is due next may be something else.
    if (Atomics.wait(bell, 0, rung, (leftNs - earlierNs) / 1e6) !== 'timed-out') return;
    leftNs = job.dueNs - nowNs();
    lead.woke(earlierNs - leftNs);
    // Too little is left to sleep over.
    while (leftNs > 0 && leftNs <= earlierNs) leftNs = job.dueNs - nowNs();
    if (leftNs > 0) return;
  }
  if (job.sender === undefined) job.memory.announceDue(job.n);
  else job.sender.send(job.n);
  job.n += 1;
  if (job.n < job.schedule.total) job.dueNs = job.memory.startNs + job.schedule.dueNs(job.n);
  else end(job);
}

/** The job whose packet is due first. Those that were stopped end here. */
function nextJob(): Job | undefined {
  let first: Job | undefined;
  for (let at = jobs.length - 1; at >= 0; at--) {
    const job = jobs[at] as Job;
    if (job.memory.stopped) {
      end(job);
      continue;
    }
    if (job.dueNs === Number.POSITIVE_INFINITY && job.memory.running) job.dueNs = job.memory.startNs + job.schedule.dueNs(0);
    if (first === undefined || job.dueNs < first.dueNs) first = job;
  }
  return first;
}

function end(job: Job): void {
  jobs.splice(jobs.indexOf(job), 1);
  tell({ kind: 'done', id: job.id });
}

function hear(): void {
  for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
    const message = got.message as PoolMessage;
    if (message.kind === 'close') closed = true;
    else jobs.push(jobOf(message));
  }
}

function jobOf({ id, options, memory: buffer, sends }: Extract<PoolMessage, { readonly kind: 'add' }>): Job {
  const memory = new PacerMemory(options, buffer);
  const schedule = new Schedule(options);
  const sources = streamSources(options);
  const { ptimeNs, audio, oneWay, srtp } = options;
  const shared = { memory, schedule, sources, ptimeNs, audio, oneWay, srtp: srtp?.send };
  const sender = sends ? new PacketSender({ libc: libc ?? loadLibc(), ...shared }) : undefined;
  return { id, schedule, memory, sender, n: 0, dueNs: Number.POSITIVE_INFINITY };
}

function tell(news: PoolNews): void {
  port.postMessage(news, []);
}
