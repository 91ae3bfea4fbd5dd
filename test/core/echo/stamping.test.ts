/** An echo that stamps, by each engine: what asks for times gets them, and nothing else is altered. */
import { afterEach, describe, expect, it } from 'vitest';
import { EchoService } from '../../../src/core/echo/echo.ts';
import { TOKEN_BYTES, TokenKey } from '../../../src/core/echo/token.ts';
import { DEFAULT_RULES } from '../../../src/core/guard/rules.ts';
import { askForStamp, createStamp, readStamp, STAMP_BYTES } from '../../../src/core/oneway/stamp.ts';
import { Stamper } from '../../../src/core/oneway/stamper.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import type { UdpEngine } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { WallClock } from '../../../src/core/udp/wall-clock.ts';
import { collect } from '../udp/collector.ts';

const engines: Record<'batch' | 'portable', UdpEngine> = { batch: createBatchEngine(), portable: createPortableEngine() };
const PAYLOAD_BYTES = 160;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

function packet(sequence: number): Uint8Array {
  const bytes = new Uint8Array(RTP_HEADER_BYTES + PAYLOAD_BYTES).fill(0xff);
  writeRtpHeader(bytes, 0, { marker: false, payloadType: 0, sequence, timestamp: 0, ssrc: 7 });
  return bytes;
}

/** What comes back of these packets, from an echo that stamps or not. */
async function echoed(engine: UdpEngine, stamps: boolean, packets: readonly Uint8Array[], tokenKey?: string): Promise<Uint8Array[]> {
  const wall = WallClock.open() as WallClock;
  const stamper = stamps ? new Stamper(wall, () => engine.nowNs()) : undefined;
  const rules = { ...DEFAULT_RULES, tokenKey };
  const echo = new EchoService({ engine, addresses: ['127.0.0.1'], port: 0, bufferBytes: 1 << 20, rules, stamper });
  closing.push(() => echo.stop());
  const { local } = await echo.start();
  const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
  closing.push(() => socket.close());
  const received = collect(socket);
  for (const bytes of packets) socket.send(bytes, 0, bytes.length, local);
  await received.received(packets.length);
  return received.packets.map(({ bytes }) => bytes);
}

describe.each(['batch', 'portable'] as const)('an echo that stamps, %s engine', (name) => {
  const engine = engines[name];

  it('answers each packet that asks, in its place, and leaves the others as they are', async () => {
    const wall = WallClock.open() as WallClock;
    const beforeNs = engine.nowNs() + wall.offsetNs;
    const asking = packet(1);
    askForStamp(asking, RTP_HEADER_BYTES);
    const [first = packet(0), second, third] = await echoed(engine, true, [asking, packet(2), new Uint8Array([1, 2, 3])]);
    const stamp = createStamp();
    expect(readStamp(first, RTP_HEADER_BYTES, PAYLOAD_BYTES, wall.epochSeconds, stamp)).toBeUndefined();
    expect(first.subarray(RTP_HEADER_BYTES + STAMP_BYTES)).toEqual(asking.subarray(RTP_HEADER_BYTES + STAMP_BYTES));
    expect(first).toHaveLength(asking.length);
    expect(stamp.byKernel).toBe(name === 'batch');
    expect(stamp).toMatchObject({ identityHigh: wall.identityHigh, identityLow: wall.identityLow, state: wall.state });
    // In the order in which it was: sent, received there, sent there, and here again.
    const slackNs = wall.readingErrorNs + stamp.readingErrorNs;
    expect(stamp.receivedNs).toBeGreaterThan(beforeNs - slackNs);
    expect(stamp.transmittedNs).toBeGreaterThan(stamp.receivedNs - slackNs);
    expect(stamp.transmittedNs).toBeLessThan(engine.nowNs() + wall.offsetNs + slackNs);
    expect(second).toEqual(packet(2));
    expect(third).toEqual(new Uint8Array([1, 2, 3]));
  });

  it('stamps each packet of a train by itself', async () => {
    const packets = Array.from({ length: 32 }, (_, i) => packet(i));
    for (const bytes of packets) askForStamp(bytes, RTP_HEADER_BYTES);
    const wall = WallClock.open() as WallClock;
    const back = await echoed(engine, true, packets);
    const stamp = createStamp();
    for (const bytes of back) expect(readStamp(bytes, RTP_HEADER_BYTES, PAYLOAD_BYTES, wall.epochSeconds, stamp)).toBeUndefined();
  });

  it('leaves the token of the packet there', async () => {
    const tokenKey = '0123456789abcdef0123456789abcdef';
    const asking = packet(1);
    askForStamp(asking, RTP_HEADER_BYTES);
    new TokenKey(tokenKey).sign(asking);
    const [back = packet(0)] = await echoed(engine, true, [asking], tokenKey);
    expect(readStamp(back, RTP_HEADER_BYTES, PAYLOAD_BYTES, 0, createStamp())).toBeUndefined();
    expect(back.subarray(-TOKEN_BYTES)).toEqual(asking.subarray(-TOKEN_BYTES));
  });

  it('alters nothing unless it was told to stamp', async () => {
    const asking = packet(1);
    askForStamp(asking, RTP_HEADER_BYTES);
    expect(await echoed(engine, false, [asking])).toEqual([asking]);
  });
});
