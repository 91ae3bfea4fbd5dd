import { describe, expect, it } from 'vitest';
import type { ServiceCall } from '../../../src/core/report/read-metrics.ts';
import { callView, nextOrder, ordered } from '../../../src/core/watch/order.ts';
import type { Order } from '../../../src/core/watch/order.ts';
import { callNumber } from './make-snapshot.ts';

const calls: readonly ServiceCall[] = [
  callNumber(1, { p99_latency: 5, packet_loss_ratio: 0.1, late_ratio: null }),
  callNumber(2, { p99_latency: null, packet_loss_ratio: null, late_ratio: 0.2 }),
  callNumber(3, { p99_latency: 9, packet_loss_ratio: 0, late_ratio: 0 }),
  callNumber(4, { p99_latency: 99, packet_loss_ratio: 1, late_ratio: 1, ended_at: '2026-11-21T10:01:00.000Z' }),
];

describe('calls', () => {
  it.each<[Order, readonly number[]]>([
    ['p99', [3, 1, 2, 4]],
    ['lost', [1, 3, 2, 4]],
    ['late', [2, 3, 1, 4]],
    ['newest', [3, 2, 1, 4]],
  ])('by %s: live ones first, what was not measured behind', (order, expected) => {
    expect(ordered(calls.map(callView), order).map(({ id }) => Number(id.split('.')[1]))).toEqual(expected);
  });

  it('keep their places when they are alike', () => {
    const alike = [callNumber(2, { p99_latency: 1 }), callNumber(1, { p99_latency: 1 })].map(callView);
    expect(ordered(alike, 'p99')).toEqual(ordered(alike.toReversed(), 'p99'));
  });

  it('have four orders, one after the other', () => {
    const orders: Order[] = ['p99'];
    for (let i = 0; i < 4; i++) orders.push(nextOrder(orders.at(-1) as Order));
    expect(orders).toEqual(['p99', 'lost', 'late', 'newest', 'p99']);
  });
});

describe('a call that is not relayed', () => {
  const media = { received: 583, lost: 0 };
  const call = { ...callNumber(1), counters: null, user: '600', action: 'tone', media };

  it('has what its service tells, and nothing else', () => {
    expect(callView(call)).toMatchObject({ called: '600', action: 'tone', packets: 583 });
    expect(callView({ ...call, media: null } as ServiceCall)).toMatchObject({ packets: null });
    expect(callView({ ...call, media: { received: '9' }, user: 7 } as ServiceCall)).toMatchObject({ packets: null, called: null });
  });
});
