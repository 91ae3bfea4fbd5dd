// tshark judges what `report` says of captures: the same packets, the same loss, the same jitter.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCapture } from '../../src/core/capture/file.ts';
import type { CapturedStream } from '../../src/core/capture/document.ts';
import { pcap, pcapng } from '../kit/pcap.ts';
import { scene, together } from '../kit/pcap-scenes.ts';
import { rtpStreams } from './kit/capture.ts';
import type { RtpStream } from './kit/capture.ts';
import { sipCaptures } from './kit/peers.ts';
import { scratchFolder } from './kit/scratch.ts';

const V6 = { from: ['2001:db8:0:0:0:0:0:1', 4000], to: ['2001:db8:0:0:1:0:0:2', 5004] } as const;
const lossy = { loss: 0.05, jitterNs: 4_000_000 };

const captures: readonly (readonly [name: string, file: Buffer])[] = [
  ['a clean stream', pcap(scene())],
  ['jitter', pcap(scene({ jitterNs: 15_000_000 }))],
  ['loss', pcap(scene({ loss: 0.02 }))],
  ['much loss and jitter, nanoseconds', pcap(scene({ loss: 0.2, jitterNs: 8_000_000, seed: 2 }), { nanoseconds: true })],
  ['the other byte order', pcap(scene(lossy), { bigEndian: true })],
  ['the other byte order, nanoseconds', pcap(scene({ ...lossy, seed: 3 }), { bigEndian: true, nanoseconds: true })],
  ['duplicates', pcap(scene({ duplicates: 0.05 }))],
  ['packets that were overtaken', pcap(scene({ swaps: 0.05, jitterNs: 4_000_000, seed: 2 }))],
  ['a wrap of the sequence', pcap(scene({ ...lossy, firstSequence: 65_400 }))],
  ['a wrap of the timestamp', pcap(scene({ ...lossy, firstTimestamp: 2 ** 32 - 20_000 }))],
  ['both wraps at once', pcap(scene({ ...lossy, firstSequence: 65_336, firstTimestamp: 2 ** 32 - 32_000 }))],
  ['talkspurts', pcap(scene({ ...lossy, talkspurt: 50 }))],
  ['a change of the SSRC', pcap(together(scene(lossy), scene({ ...lossy, ssrc: 7, delayNs: 9e9 })))],
  [
    'three streams at once',
    pcap(together(scene(lossy), scene({ ssrc: 8, seed: 4 }), scene({ ssrc: 9, from: ['192.0.2.7', 4000], loss: 0.5 }))),
  ],
  ['an echo', pcap(scene({ ...lossy, echoNs: 30_000_000 }))],
  ['A-law', pcap(scene({ ...lossy, payloadType: 8 }))],
  ['G.722', pcap(scene({ ...lossy, payloadType: 9 }))],
  ['VLAN', pcap(scene({ ...lossy, link: 'vlan' }))],
  ['QinQ', pcap(scene({ ...lossy, link: 'qinq' }))],
  ['Linux cooked', pcap(scene({ ...lossy, link: 'cooked' }), { link: 'cooked' })],
  ['Linux cooked, version 2', pcap(scene({ ...lossy, link: 'cooked2' }), { link: 'cooked2' })],
  ['raw IP', pcap(scene({ ...lossy, link: 'raw' }), { link: 'raw' })],
  ['BSD loopback', pcap(scene({ ...lossy, link: 'null' }), { link: 'null' })],
  ['IPv6', pcap(scene({ ...lossy, ...V6 }))],
  ['IPv6 on raw IP', pcap(scene({ ...lossy, ...V6, link: 'raw' }), { link: 'raw' })],
  ['frames cut behind the RTP header', pcap(scene(lossy), { snapLength: 54 })],
  ['pcapng', pcapng(scene(lossy))],
  ['pcapng, nanoseconds', pcapng(scene({ ...lossy, seed: 5 }), { timeUnit: 9 })],
  ['pcapng, the other byte order', pcapng(scene({ ...lossy, seed: 6 }), { bigEndian: true, timeUnit: 9 })],
  ['pcapng, milliseconds since 2020', pcapng(scene({ loss: 0.05 }), { timeUnit: 3, timeOffset: 1_577_836_800 })],
  ['pcapng, times by powers of two', pcapng(scene({ ...lossy, seed: 7 }), { timeUnit: 0x80 | 20 })],
  [
    'pcapng, two sections',
    Buffer.concat([
      pcapng(scene(lossy), { timeUnit: 9 }),
      pcapng(scene({ ...lossy, ssrc: 7, delayNs: 9e9, link: 'raw' }), { bigEndian: true, link: 'raw' }),
    ]),
  ],
];

describe('tshark says the same of', () => {
  const scratch = scratchFolder();

  test.each(captures)('%s', async (name, file) => {
    const path = join(scratch(name.replaceAll(/\W+/g, '-')), 'capture.pcap');
    writeFileSync(path, file);
    const judged = await rtpStreams(path, [4000, 5004]);
    const { streams } = await readCapture(path, name, '0');
    expect(judged.length).toBeGreaterThan(0);
    expect(streams).toHaveLength(judged.length);
    for (const judge of judged) expectSame(streams, judge);
  });

  test("SIPp's own captures", async () => {
    const folder = sipCaptures();
    const files = readdirSync(folder).filter((file) => file.endsWith('.pcap'));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      const path = join(folder, file);
      const { streams } = await readCapture(path, file, '0');
      const judged = await rtpStreams(
        path,
        streams.map(({ source }) => source.split(':')[1] ?? ''),
      );
      expect(judged).toHaveLength(1);
      expect(streams).toHaveLength(1);
      // The others are telephone events, whose payload type has no clock rate until a session description says it.
      for (const judge of judged) expectSame(streams, judge, file.startsWith('g711'));
    }
  });
});

function expectSame(streams: readonly CapturedStream[], judge: RtpStream, jitter = true): void {
  const host = (ip: string): string => (ip.includes(':') ? `[${ip}]` : ip);
  const source = `${host(judge.srcIp)}:${judge.srcPort}`;
  const ours = streams.find((stream) => stream.source === source && stream.ssrc === judge.ssrc);
  expect(ours).toMatchObject({ destination: `${host(judge.dstIp)}:${judge.dstPort}`, packets: judge.packets });
  if (ours === undefined) return;
  // tshark takes duplicates for arrivals of what was lost.
  expect(ours.lost - ours.duplicates).toBe(judge.lost);
  // Of duplicates RFC 3550 says nothing, and tshark counts them into the jitter; packets that were overtaken it leaves out, which
  // RFC 3550 A.8 does not.
  if (!jitter || ours.duplicates > 0 || ours.reordered > 0) return;
  // It rounds to a microsecond.
  expect(Math.abs((ours.mean_jitter_ms ?? Number.NaN) - judge.meanJitterMs)).toBeLessThan(0.0011);
  expect(Math.abs((ours.max_jitter_ms ?? Number.NaN) - judge.maxJitterMs)).toBeLessThan(0.0011);
}
