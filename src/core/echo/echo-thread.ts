/** A thread that echoes. */
import { workerData } from 'node:worker_threads';
import { Stamper } from '../oneway/stamper.ts';
import { ServedThread } from '../udp/served-thread.ts';
import type { ThreadSetup } from '../udp/served-thread.ts';
import type { Endpoint } from '../udp/engine.ts';
import { WallClock } from '../udp/wall-clock.ts';
import type { GuardRules } from '../guard/rules.ts';
import { EchoService } from './echo.ts';
import type { GuardShare } from './echo.ts';
import { warmUp } from './warm-up.ts';
import { EchoMemory } from './memory.ts';

export interface EchoThreadData {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly bufferBytes: number;
  readonly reusePort: boolean;
  readonly memory: SharedArrayBuffer;
  readonly rules: GuardRules;
  readonly share: GuardShare;
  /** Write times into the packets that ask for them. */
  readonly stamp: boolean;
}

/** What such a thread tells: where it listens, and what the kernel complains about. */
export type EchoThreadMessage =
  | { readonly kind: 'listening'; readonly local: Endpoint; readonly receiveBufferBytes: number; readonly sendBufferBytes: number }
  | { readonly kind: 'trouble'; readonly message: string };

/** Counters that need a system call are read this often. */
const NOTE_NS = 200e6;

const { setup, memory, stamp, ...options } = workerData as EchoThreadData & { readonly setup: ThreadSetup };
const thread = await ServedThread.start(setup);
const { engine } = thread.selected;
const tell = (message: EchoThreadMessage): void => thread.tell(message);
await warmUp(engine);
const wall = stamp ? WallClock.open() : undefined;
const stamper = wall === undefined ? undefined : new Stamper(wall, () => engine.nowNs());
const echo = new EchoService({ engine, ...options, memory: EchoMemory.over(memory), stamper });
const { local, receiveBufferBytes, sendBufferBytes } = await echo.start();
// From the first status line on.
echo.note();
tell({ kind: 'listening', local: { address: local.address, port: local.port }, receiveBufferBytes, sendBufferBytes });
let notedNs = engine.nowNs();
let told: string | null = null;
await thread.serve<never>({
  message: () => undefined,
  tick: () => {
    const nowNs = engine.nowNs();
    if (nowNs - notedNs < NOTE_NS) return;
    notedNs = nowNs;
    echo.note();
    if (echo.lastError === told) return;
    told = echo.lastError;
    tell({ kind: 'trouble', message: told ?? '' });
  },
  stop: () => void echo.stop(),
});
