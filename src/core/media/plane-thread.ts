/** The thread that has the media of calls: a {@link MediaPlane} that takes its orders from the main thread. */
import { workerData } from 'node:worker_threads';
import { BatchEngine, createBatchEngine } from '../udp/batch/engine.ts';
import { Stamper } from '../oneway/stamper.ts';
import { ServedThread } from '../udp/served-thread.ts';
import type { ThreadSetup } from '../udp/served-thread.ts';
import { WallClock } from '../udp/wall-clock.ts';
import { MediaTotals } from './numbers.ts';
import type { MediaOrder } from './orders.ts';
import { MediaPlane } from './plane.ts';
import type { MediaSettings } from './plane.ts';
import { warmUp } from './warm-up.ts';

export interface MediaThreadData {
  readonly settings: MediaSettings;
  readonly totals: SharedArrayBuffer;
  /** Echoes write times into the packets that ask for them. */
  readonly stamp: boolean;
}

const { setup, settings, totals, stamp } = workerData as MediaThreadData & { readonly setup: ThreadSetup };
const thread = await ServedThread.start(setup);
const { engine } = thread.selected;
if (engine instanceof BatchEngine) warmUp(createBatchEngine({ ownThread: true, clock: engine.clock }));
/** Taken once: a wall clock that is set meanwhile would make round trips of RTCP wrong. */
const unixOffsetNs = Date.now() * 1e6 - engine.nowNs();
const wall = stamp ? WallClock.open() : undefined;
const plane = new MediaPlane({
  settings,
  totals: new MediaTotals(totals),
  bind: (options) => thread.bind(options),
  nowNs: () => engine.nowNs(),
  unixNs: (nowNs) => nowNs + unixOffsetNs,
  random: Math.random,
  stamper: wall === undefined ? undefined : new Stamper(wall, () => engine.nowNs()),
  tell: (message) => thread.tell(message),
});
await thread.serve<MediaOrder>({
  message: (order) => plane.take(order),
  tick: () => plane.tick(),
  dueNs: () => plane.dueNs,
  stop: () => plane.stop(),
});
