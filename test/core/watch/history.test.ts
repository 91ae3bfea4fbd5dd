import { describe, expect, it } from 'vitest';
import { extend } from '../../../src/core/watch/history.ts';
import type { History } from '../../../src/core/watch/history.ts';
import type { Snapshot } from '../../../src/core/watch/snapshot.ts';
import { makeSnapshot } from './make-snapshot.ts';

function second(uptime: number, returned: number, lost: number, late: number): Snapshot {
  return makeSnapshot({ metrics: { uptime_seconds: uptime, p99_latency: uptime }, counters: { returned, lost, late } });
}

/** @param elapsedMs between each two of them. */
function historyOf(snapshots: readonly Snapshot[], elapsedMs = 1_000): History {
  let history: History = [];
  snapshots.forEach((snapshot, i) => {
    history = extend(history, snapshots[i - 1] ?? null, snapshot, elapsedMs);
  });
  return history;
}

describe('the history', () => {
  it('has the percentiles of the service, and loss and lateness of each second alone', () => {
    expect(historyOf([second(1, 100, 10, 5), second(2, 190, 20, 50), second(3, 190, 20, 50), second(4, 190, 25, 50)])).toEqual([
      expect.objectContaining({ p99: 1, loss: null, late: null }),
      expect.objectContaining({ p99: 2, loss: 0.1, late: 0.5 }),
      // Nothing became known: that is not a loss of 0.
      expect.objectContaining({ p99: 3, loss: null, late: null }),
      expect.objectContaining({ p99: 4, loss: 1, late: null }),
    ]);
  });

  it('has a blank for each second that was missed, by the clock of the service', () => {
    const history = historyOf([second(1, 0, 0, 0), second(4.1, 30, 0, 0)], 1_000);
    expect(history.map((sample) => sample?.p99 ?? null)).toEqual([1, null, null, 4.1]);
    // Ours says that it took long, and the service knows better.
    expect(historyOf([second(1, 0, 0, 0), second(2, 0, 0, 0)], 1_900)).toHaveLength(2);
  });

  it('goes by our clock, and takes no difference, when the service was started anew', () => {
    const history = historyOf([second(100, 500, 5, 5), second(1, 20, 0, 0)], 5_000);
    expect(history).toEqual([expect.anything(), null, null, null, null, expect.objectContaining({ p99: 1, loss: null, late: null })]);
  });

  it('is bounded, whatever happens', () => {
    expect(historyOf([second(1, 0, 0, 0), second(1e9, 0, 0, 0), second(1e9 + 1, 0, 0, 0)])).toHaveLength(600);
  });
});
