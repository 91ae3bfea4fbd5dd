import { describe, expect, it } from 'vitest';
import { act, begin, freshOf, lost, seen } from '../../../src/core/watch/state.ts';
import { makeSnapshot } from './make-snapshot.ts';

const first = makeSnapshot({ metrics: { uptime_seconds: 1 } });
const second = makeSnapshot({ metrics: { uptime_seconds: 2 } });

describe('what is fresh', () => {
  it('is the snapshot of the last three seconds, while there is a connection', () => {
    const state = seen(begin(first, 0), second, 1_000);
    expect(freshOf(state, 4_000)).toBe(second);
    expect(freshOf(state, 4_001)).toBeNull();
    expect(freshOf(lost(state, 'ECONNREFUSED'), 1_001)).toBeNull();
    expect(freshOf(seen(lost(state, 'ECONNREFUSED'), first, 9_000), 9_000)).toBe(first);
  });
});

describe('keys', () => {
  const state = begin(first, 0);

  it('change the order, and go on from there', () => {
    expect(act(act(state, 'order', 0), 'order', 0).order).toBe('late');
  });

  it('stop the screen and let it go on, while numbers are taken in', () => {
    const paused = seen(act(state, 'pause', 500), second, 1_000);
    expect(paused.paused).toMatchObject({ atMs: 500, watched: { latest: { snapshot: first } } });
    expect(paused.latest.snapshot).toBe(second);
    expect(act(paused, 'pause', 2_000).paused).toBeNull();
  });

  it('of any kind leave the help, and do nothing else then', () => {
    const help = act(state, 'help', 0);
    expect(help.help).toBe(true);
    for (const action of ['help', 'order', 'pause', 'other', 'leave'] as const) expect(act(help, action, 0)).toEqual(state);
    expect(act(state, 'other', 0)).toBe(state);
  });
});
