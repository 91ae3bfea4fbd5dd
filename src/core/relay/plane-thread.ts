/** The thread that relays: a {@link RelayPlane} that takes its requests from the main thread. */
import { workerData } from 'node:worker_threads';
import { ServedThread } from '../udp/served-thread.ts';
import type { ThreadSetup } from '../udp/served-thread.ts';
import { TotalsMemory } from './numbers.ts';
import { RelayPlane } from './plane.ts';
import type { PlaneSettings } from './plane.ts';
import { carryOut } from './plane-protocol.ts';
import type { PlaneMessage, PlaneOrder } from './plane-protocol.ts';

export interface PlaneThreadData {
  readonly settings: PlaneSettings;
  readonly totals: SharedArrayBuffer;
}

const { setup, settings, totals } = workerData as PlaneThreadData & { readonly setup: ThreadSetup };
const thread = await ServedThread.start(setup);
const tell = (message: PlaneMessage): void => thread.tell(message);
const plane = new RelayPlane({
  settings,
  totals: new TotalsMemory(totals),
  bind: (options) => thread.bind(options),
  nowNs: () => thread.selected.engine.nowNs(),
  events: {
    firstPacket: (id, atNs) => tell({ kind: 'first-packet', id, atNs }),
    stranger: (id, { address, port }) => tell({ kind: 'stranger', id, from: { address, port } }),
  },
});
await thread.serve<PlaneOrder>({
  message: ({ serial, request }) => carryOut(plane, request, (answer) => tell({ kind: 'answer', serial, answer })),
  tick: () => plane.tick(),
  stop: () => plane.stop(),
});
