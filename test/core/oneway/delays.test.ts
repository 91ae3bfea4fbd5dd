import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OneWayDelays } from '../../../src/core/oneway/delays.ts';
import { oneWayMembers } from '../../../src/core/oneway/document.ts';
import { askForStamp, writeStamp } from '../../../src/core/oneway/stamp.ts';
import { CLOCK_SYNCHRONISED, CLOCK_UNKNOWN, CLOCK_UNSYNCHRONISED, CLOCK_WITHOUT_BOUND } from '../../../src/core/oneway/wall.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { fakeWall } from './fake-wall.ts';
import type { FakeWall } from './fake-wall.ts';

const MS = 1e6;
const STREAM = {};
/** Of another host. */
const far = (changes: Partial<FakeWall> = {}): FakeWall => fakeWall({ identityHigh: 7, identityLow: 8, ...changes });

function packet(): Uint8Array {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + 160).fill(0xff);
  writeRtpHeader(bytes, 0, { marker: false, payloadType: 0, sequence: 1, timestamp: 2, ssrc: 3 });
  askForStamp(bytes, RTP_HEADER_BYTES);
  return bytes;
}

interface Path {
  readonly thereNs: number;
  readonly backNs: number;
  readonly heldNs: number;
  /** How far the far end's clock is ahead of the one here. */
  readonly aheadNs: number;
}

const PATH: Path = { thereNs: 3 * MS, backNs: 8 * MS, heldNs: 0.1 * MS, aheadNs: 0 };

/** One packet that leaves at `leftNs` and takes that path. */
function travel(delays: OneWayDelays, wall: FakeWall, path: Partial<Path> = {}, leftNs = 1e9, stream: object = STREAM): void {
  const { thereNs, backNs, heldNs, aheadNs } = { ...PATH, ...path };
  const bytes = packet();
  const receivedNs = leftNs + thereNs + aheadNs;
  writeStamp(bytes, RTP_HEADER_BYTES, wall, receivedNs, receivedNs + heldNs, true);
  delays.returned(stream, bytes, 0, bytes.length, leftNs, leftNs + thereNs + heldNs + backNs);
}

/** Why there is no delay, after some packets. */
function reasonOf(near: FakeWall | undefined, travels: (delays: OneWayDelays) => void): string | null {
  const delays = new OneWayDelays(near, 0);
  travels(delays);
  const { reason, ...members } = oneWayMembers(delays.result(0));
  if (reason !== null) expect(members).toMatchObject({ there_ms: null, back_ms: null, error_ms: null });
  return reason;
}

describe('delays of two clocks that are synchronised', () => {
  it('are those of the path, each within the sum of both errors', () => {
    const errors = fc.integer({ min: 0, max: 5 * MS });
    const delay = fc.integer({ min: 0, max: 50 * MS });
    const share = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(errors, errors, delay, delay, delay, share, (nearNs, farNs, thereNs, backNs, heldNs, off) => {
        const delays = new OneWayDelays(fakeWall({ maxErrorNs: nearNs }), 0);
        travel(delays, far({ maxErrorNs: farNs }), { thereNs, backNs, heldNs, aheadNs: off * (nearNs + farNs) });
        const result = delays.result(0);
        expect(result.reason).toBeNull();
        const errorNs = result.errorNs ?? 0;
        expect(errorNs).toBeGreaterThanOrEqual(nearNs + farNs);
        expect(errorNs).toBeLessThan((nearNs + farNs) * 1.01 + 10_000);
        expect(Math.abs((result.there?.maxNs ?? Number.NaN) - thereNs)).toBeLessThanOrEqual(errorNs);
        expect(Math.abs((result.back?.maxNs ?? Number.NaN) - backNs)).toBeLessThanOrEqual(errorNs);
        expect(result.turnaround?.maxNs).toBeCloseTo(heldNs, -1);
      }),
    );
  });

  it('tell which direction is the slow one, and show a delay below 0 that the clocks explain', () => {
    const delays = new OneWayDelays(fakeWall(), 0);
    for (let i = 0; i < 100; i++) travel(delays, far(), { thereNs: 0.05 * MS, backNs: 40 * MS, aheadNs: -0.15 * MS }, 1e9 + i * 20 * MS);
    const members = oneWayMembers(delays.result(0));
    expect(members).toMatchObject({ packets: 100, same_clock: false, received_by: 'kernel', reason: null });
    expect(members.there_ms?.p50).toBeCloseTo(-0.1, 2);
    expect(members.back_ms?.p50).toBeCloseTo(40.15, 1);
    expect(members.error_ms).toBeGreaterThan(0.2);
  });
});

describe('one clock at both ends', () => {
  it('needs no synchronisation: only the readings are off', () => {
    const near = fakeWall({ state: CLOCK_UNSYNCHRONISED, maxErrorNs: Number.NaN });
    const delays = new OneWayDelays(near, 0);
    travel(delays, fakeWall({ state: CLOCK_UNSYNCHRONISED, maxErrorNs: Number.NaN }));
    const members = oneWayMembers(delays.result(0));
    expect(members).toMatchObject({ same_clock: true, reason: null });
    expect(members.there_ms?.p50).toBeCloseTo(3, 2);
    expect(members.back_ms?.p50).toBeCloseTo(8, 2);
    expect(members.error_ms).toBeLessThan(0.005);
  });

  it('is not two hosts that do not know which clock they have', () => {
    const unknown = { identityHigh: 0, identityLow: 0, state: CLOCK_UNSYNCHRONISED } as const;
    expect(reasonOf(fakeWall(unknown), (delays) => travel(delays, fakeWall(unknown)))).toMatch(/not synchronised/);
  });
});

describe('no delays, and why', () => {
  it.each([
    [CLOCK_UNKNOWN, 'the system of the far end does not tell whether its clock is synchronised'],
    [CLOCK_UNSYNCHRONISED, 'the clock of the far end is not synchronised'],
    [CLOCK_WITHOUT_BOUND, 'what synchronises the clock of the far end tells the system no error'],
  ] as const)('a far clock in state %d', (state, reason) => {
    expect(reasonOf(fakeWall(), (delays) => travel(delays, far({ state, maxErrorNs: Number.NaN })))).toContain(reason);
    const near = fakeWall({ state, maxErrorNs: Number.NaN });
    expect(reasonOf(near, (delays) => travel(delays, far()))).toContain(reason.replace('the far end', 'this end'));
  });

  it('a clock that was not synchronised for a part of the time', () => {
    const wall = far();
    const reason = reasonOf(fakeWall(), (delays) => {
      travel(delays, wall);
      travel(delays, { ...wall, state: CLOCK_UNSYNCHRONISED });
      travel(delays, { ...wall, state: CLOCK_SYNCHRONISED });
    });
    expect(reason).toBe('the clock of the far end is not synchronised');
  });

  it('an error beyond what NTP calls synchronised', () => {
    expect(reasonOf(fakeWall(), (delays) => travel(delays, far({ maxErrorNs: 20e9 })))).toMatch(/far end is not synchronised/);
  });

  it('no clock of this end, or no packet', () => {
    expect(reasonOf(undefined, (delays) => travel(delays, far()))).toMatch(/takes Linux and the batch engine/);
    expect(reasonOf(fakeWall(), () => undefined)).toBe('no packet came back');
  });

  it('packets without times of the far end: as they were, changed, cut, damaged', () => {
    const came = (bytes: Uint8Array) => reasonOf(fakeWall(), (delays) => delays.returned(STREAM, bytes, 0, bytes.length, 0, MS));
    expect(came(packet())).toMatch(/writes no times into the packets/);
    expect(came(packet().fill(0x55, RTP_HEADER_BYTES))).toMatch(/came back changed/);
    expect(came(packet().subarray(0, RTP_HEADER_BYTES + 30))).toMatch(/came back cut short/);
    expect(came(packet().with(RTP_HEADER_BYTES + 7, 0xff))).toMatch(/came back damaged/);
  });

  it('packets without both times of this end', () => {
    const reason = reasonOf(fakeWall(), (delays) => {
      const bytes = packet();
      writeStamp(bytes, RTP_HEADER_BYTES, far(), 0, 0, true);
      delays.returned(STREAM, bytes, 0, bytes.length, Number.NaN, MS);
    });
    expect(reason).toBe('no packet has both of the kernel’s times of this end');
  });

  it('a clock that was set during the run, here or there', () => {
    const near = fakeWall();
    const set = reasonOf(near, (delays) => {
      travel(delays, far());
      near.steps = 1;
      travel(delays, far());
    });
    expect(set).toBe('the clock of this end was set during the run');
    const wall = far({ steps: 4 });
    const farSet = reasonOf(fakeWall(), (delays) => {
      travel(delays, wall);
      travel(delays, { ...wall, steps: 5 });
    });
    expect(farSet).toBe('the clock of the far end was set during the run');
  });

  it('is nothing that was set before the run, as its threads saw it', () => {
    const reason = reasonOf(fakeWall({ steps: 2 }), (delays) => {
      travel(delays, far({ steps: 4 }));
      travel(delays, far({ steps: 1 }), {}, 1e9, {});
      travel(delays, far({ steps: 4 }));
    });
    expect(reason).toBeNull();
  });

  it('stamps of several clocks', () => {
    const reason = reasonOf(fakeWall(), (delays) => {
      travel(delays, far());
      travel(delays, far({ identityLow: 9 }));
    });
    expect(reason).toBe('the packets were stamped by more than one clock');
  });
});

describe('clocks that disagree', () => {
  it('show by a packet that came before it left, of however many', () => {
    const reason = reasonOf(fakeWall(), (delays) => {
      for (let i = 0; i < 9; i++) travel(delays, far());
      travel(delays, far(), { aheadNs: -4 * MS });
    });
    expect(reason).toMatch(
      /^the clocks disagree: the times of 1 of 10 packets contradict each other, by up to 0\.79\d ms beyond their error$/,
    );
  });

  it('show by a far end that says it is synchronised and lives in the future', () => {
    expect(reasonOf(fakeWall(), (delays) => travel(delays, far(), { aheadNs: 3_600e9 }))).toMatch(/^the clocks disagree: .* 3599991\./);
  });

  it('show by a far end that kept the packet for longer than it was away, or for less than no time', () => {
    const held = (heldNs: number) =>
      reasonOf(fakeWall({ maxErrorNs: 1e9 }), (delays) => {
        const bytes = packet();
        writeStamp(bytes, RTP_HEADER_BYTES, far({ maxErrorNs: 1e9 }), 1e9 + 5 * MS, 1e9 + 5 * MS + heldNs, true);
        delays.returned(STREAM, bytes, 0, bytes.length, 1e9, 1e9 + 10 * MS);
      });
    expect(held(MS)).toBeNull();
    expect(held(11 * MS)).toMatch(/^the clocks disagree/);
    expect(held(-MS)).toMatch(/^the clocks disagree/);
  });

  it('never pass beyond the error, whatever the far end says', () => {
    const any = fc.double({ min: -1e12, max: 1e12, noNaN: true });
    fc.assert(
      fc.property(any, any, fc.integer({ min: 0, max: 1e9 }), (receivedNs, transmittedNs, maxErrorNs) => {
        const delays = new OneWayDelays(fakeWall(), 0);
        const bytes = packet();
        writeStamp(bytes, RTP_HEADER_BYTES, far({ maxErrorNs }), receivedNs, transmittedNs, true);
        delays.returned(STREAM, bytes, 0, bytes.length, 1e9, 1e9 + 10 * MS);
        const { there, back, errorNs, reason } = delays.result(0);
        if (reason !== null) return;
        expect(Math.min(there?.minNs ?? Number.NaN, back?.minNs ?? Number.NaN)).toBeGreaterThanOrEqual(-(errorNs ?? 0));
        expect((there?.maxNs ?? 0) + (back?.maxNs ?? 0)).toBeLessThanOrEqual(10 * MS + 10_000);
      }),
    );
  });
});
