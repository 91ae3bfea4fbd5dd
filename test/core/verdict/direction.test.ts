/** Which way a fault lies, by what there is to tell it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ofPieces, ofService } from '../../../src/core/verdict/direction.ts';
import { refusedBySdp } from '../../../src/core/verdict/refused.ts';
import { FarEndReports } from '../../../src/core/verdict/reports.ts';

describe('what a service adds', () => {
  it.each([
    [{ fromPeer: 10, toPeer: 10 }, 100, 0, 'towards the far end'],
    [{ fromPeer: 100, toPeer: 100 }, 100, 3, 'from the far end'],
    [{ fromPeer: 100, toPeer: 100 }, 100, 98, undefined],
    [{ fromPeer: 100, toPeer: null }, 100, 0, undefined],
    [{ fromPeer: null, toPeer: 100 }, 100, 0, undefined],
    [{ fromPeer: 0, toPeer: 0 }, 0, 0, undefined],
  ] as const)('%o, of %i sent %i came back: %s', (words, sent, cameBack, direction) => {
    expect(ofService(words, sent, cameBack)?.direction).toBe(direction);
  });
});

describe('what is missing', () => {
  it('is never blamed on anybody without a report, when the numbers may be copied', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), fc.boolean(), (missing, gaps, renumbered) => {
        const { direction, because } = ofPieces({ lost: undefined, missing, gaps, renumbered });
        expect(direction === null || (renumbered && gaps <= 0.15 * missing && direction === 'towards the far end')).toBe(true);
        expect(because).toMatch(/^direction: /);
      }),
    );
  });

  it('is compared with what the far end had lost by then, not with what is missing now', () => {
    const at = { missing: 100, gaps: 0, renumbered: false };
    expect(ofPieces({ ...at, lost: { lost: 50, missing: 52 } }).direction).toBe('towards the far end');
    expect(ofPieces({ ...at, lost: { lost: 0, missing: 52 } }).direction).toBe('from the far end');
    expect(ofPieces({ ...at, lost: { lost: 0, missing: 2 } }).direction).toBeNull();
  });
});

describe('reports of the far end', () => {
  it('say nothing of what came after them, and no report says nothing', () => {
    const reports = new FarEndReports(0);
    expect(reports.hearing(0)).toMatchObject({ hears: undefined, because: 'the far end sends no RTCP' });
    reports.hear(5e9, { received: 1, reports: 1, farEndLost: 3, farEndReceived: 247 }, 250, 3);
    expect(reports.hearing(0).hears).toBe(true);
    expect(reports.hearing(5.1e9).hears).toBeUndefined();
    // Ten packets are too few to tell.
    expect(reports.hearing(4.8e9).hears).toBeUndefined();
    expect(reports.lost).toEqual({ lost: 3, missing: 3 });
    reports.hear(10e9, { received: 2, reports: 2, farEndLost: 3, farEndReceived: 247 }, 500, 3);
    expect(reports.hearing(5.1e9).hears).toBe(false);
  });

  it('may count a packet twice, or wrongly: nothing follows but what they say', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ received: fc.nat(1_000), lost: fc.integer({ min: -50, max: 1_000 }), sinceNs: fc.nat(2e10) }), {
          maxLength: 8,
        }),
        (all) => {
          const reports = new FarEndReports(0);
          for (const [i, { received, lost, sinceNs }] of all.entries()) {
            reports.hear((i + 1) * 2e9, { received: i + 1, reports: i + 1, farEndLost: lost, farEndReceived: received }, (i + 1) * 100, 0);
            expect(reports.hearing(sinceNs).because).not.toBe('');
          }
        },
      ),
    );
  });
});

it.each([
  ['sendonly', 'from the far end'],
  ['recvonly', 'towards the far end'],
  ['inactive', 'both ways'],
] as const)('an SDP that leaves %s for us is one-way, %s', (ours, direction) => {
  expect(refusedBySdp(ours)).toMatchObject({ state: 'one-way', direction, firstMs: 0 });
});
