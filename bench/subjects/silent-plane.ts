/** The thread of our relay without what it records: no histogram, no series. What is left is relaying, matching and counting. */
import { workerData } from 'node:worker_threads';
import { TotalsMemory } from '../../src/core/relay/numbers.ts';
import { carryOut } from '../../src/core/relay/plane-protocol.ts';
import type { PlaneMessage, PlaneOrder } from '../../src/core/relay/plane-protocol.ts';
import type { PlaneThreadData } from '../../src/core/relay/plane-thread.ts';
import { RelayPlane } from '../../src/core/relay/plane.ts';
import { ServedThread } from '../../src/core/udp/served-thread.ts';
import type { ThreadSetup } from '../../src/core/udp/served-thread.ts';

class SilentPlane extends RelayPlane {
  override sent(): void {
    // Not recorded.
  }

  override sample(): void {
    // Not recorded.
  }
}

const { setup, settings, totals } = workerData as PlaneThreadData & { readonly setup: ThreadSetup };
const thread = await ServedThread.start(setup);
const tell = (message: PlaneMessage): void => thread.tell(message);
const plane = new SilentPlane({
  settings,
  totals: new TotalsMemory(totals),
  bind: (options) => thread.bind(options),
  nowNs: () => thread.selected.engine.nowNs(),
  events: { firstPacket: () => undefined, stranger: () => undefined },
});
await thread.serve<PlaneOrder>({
  message: ({ serial, request }) => carryOut(plane, request, (answer) => tell({ kind: 'answer', serial, answer })),
  tick: () => plane.tick(),
  stop: () => plane.stop(),
});
