/** What `rtplat sip-serve` plays and records, sample by sample: taken from the wire, decoded and measured by sox. */
import { Buffer } from 'node:buffer';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { capture, datagrams } from './kit/capture.ts';
import { type HeardPacket, audioPackets, dial, readRtp } from './kit/phone.ts';
import { scratchFolder } from './kit/scratch.ts';
import { accept, audio, recv, send } from './kit/sip-scenario.ts';
import { type SipServe, callers, startSipServe } from './kit/sip-server.ts';
import { type RawFormat, encode, judgeTone, levelOf, samplesOf, speak, toWav } from './kit/sound.ts';
import { note } from './kit/world.ts';

const scratch = scratchFolder();

const SPOKEN = 'The quick brown fox jumps over the lazy dog. Zero, one, two, three; and then: nothing at all!';

let dir: string;
let server: SipServe;
let spoken: string;
/** What is played: samples that the codec has, so that there is one way only to encode them. */
let played: Readonly<Record<'PCMU' | 'PCMA', string>>;

beforeAll(async () => {
  dir = scratch('audio');
  spoken = await speak(dir, SPOKEN, ['en']);
  const made = async (format: 'PCMU' | 'PCMA'): Promise<string> => toWav(await encode(spoken, join(dir, 'spoken'), format), format);
  played = { PCMU: await made('PCMU'), PCMA: await made('PCMA') };
  server = await startSipServe(
    dir,
    `
[behavior]
auto_answer_delay_ms = 0

[media]
preferred_codecs = ["PCMU", "PCMA", "L16"]
audio_sample_rate = 16000

[[route]]
match = "record*"
action = "record"

[[route]]
match = "play-PCMU"
action = "play"
file = ${JSON.stringify(played.PCMU)}

[[route]]
match = "play-PCMA"
action = "play"
file = ${JSON.stringify(played.PCMA)}
`,
  );
});
afterAll(async () => {
  await server?.running.stop();
});

interface Stream {
  /** In the places that the timestamps say; silence where a packet is missing. */
  readonly payload: Buffer;
  /** Bytes of `payload` that came, from … up to. */
  readonly came: readonly (readonly [number, number])[];
  /** Packets that the timestamps leave room for. */
  readonly missing: number;
  /** What is not as RFC 3550 and 3551 want it. */
  readonly faults: readonly string[];
}

/**
 * Lays a stream out. A machine that is busy with other things may keep the server from sending in time: it leaves out what is long over,
 * and counts it. Whatever else is wrong is a fault.
 */
function layOut(packets: readonly HeardPacket[], ticks: number, silence: number): Stream {
  const faults: string[] = [];
  const came: [number, number][] = [];
  let missing = 0;
  let end = 0;
  packets.forEach(({ marker, ssrc, sequence, timestamp, payload }, index) => {
    const before = packets[index - 1];
    const gap = before === undefined ? 0 : ((timestamp - before.timestamp) >>> 0) / ticks - 1;
    if (!Number.isInteger(gap) || gap < 0) faults.push(`${index}: ${gap} packets left out`);
    if (marker !== (before === undefined || gap > 0)) faults.push(`${index}: marker ${marker} behind a gap of ${gap}`);
    if (before !== undefined && ssrc !== before.ssrc) faults.push(`${index}: another SSRC`);
    if (before !== undefined && sequence !== ((before.sequence + 1) & 0xffff)) faults.push(`${index}: ${before.sequence}, ${sequence}`);
    missing += gap;
    const start = end + gap * payload.length;
    end = start + payload.length;
    came.push([start, end]);
  });
  const payload = Buffer.alloc(end, silence);
  packets.forEach((packet, index) => payload.set(packet.payload, came[index]?.[0] ?? 0));
  return { payload, came, missing, faults };
}

interface Codec {
  readonly name: string;
  readonly format: RawFormat;
  readonly formats: string;
  readonly attributes: readonly string[];
  readonly port: number;
  readonly rateHz: number;
  readonly payloadBytes: number;
  /** Byte of a sample that is 0, or nearly. */
  readonly silence: number;
  /** Half of the widest step of the codec: no sample may be farther from the sine. */
  readonly most: number;
}

const G711 = { attributes: [], rateHz: 8000, payloadBytes: 160, most: 513 } as const;
const CODECS: readonly Codec[] = [
  { ...G711, silence: 0xff, name: 'PCMU/8000', format: 'PCMU', formats: '0', port: 7200 },
  { ...G711, silence: 0xd5, name: 'PCMA/8000', format: 'PCMA', formats: '8', port: 7300 },
  {
    ...{ name: 'L16/16000', format: 'L16/16000', formats: '97', attributes: ['a=rtpmap:97 L16/16000'] },
    ...{ port: 7400, rateHz: 16_000, silence: 0, payloadBytes: 640, most: 1 },
  },
];

describe.concurrent('on the wire', () => {
  it.for(CODECS)('30 s of 440 Hz as $name: one sine of −9.03 dB, each packet in its place', async (codec, { expect }) => {
    const { name, format, formats, attributes, port, rateHz, payloadBytes, silence, most } = codec;
    const folder = scratch(`tone-${formats}`);
    const trace = await capture({ dir: folder, filter: `udp dst port ${port}` });
    const invite = send('INVITE', { body: audio(formats, 'sendrecv', { port, attributes }) });
    const user = `tone-${formats}`;
    const result = await callers({ dir: folder, user, steps: [invite, recv(100, 180, 200), send('ACK'), recv('BYE'), accept()] });
    expect(result).toMatchObject({ code: 0, errors: '' });

    // Loopback shows packets that were handed over together as one.
    const size = 2 * (12 + payloadBytes);
    const split = (payload: string): readonly string[] => payload.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
    const sent = await datagrams(await trace.stop(), `udp.dstport == ${port}`);
    const packets = sent.flatMap((datagram) => split(datagram.payload)).map((digits) => readRtp(Buffer.from(digits, 'hex')));
    const { payload, missing, faults } = layOut(packets, rateHz / 50, silence);
    expect(faults).toEqual([]);
    expect(packets.length + missing).toBe(1500);
    const media = { sent: packets.length, skipped: missing, send_errors: 0 };
    expect(await server.records(user)).toMatchObject([{ codec: name, ended_by: 'us', end_reason: 'tone over', media }]);

    const raw = join(folder, 'tone');
    writeFileSync(raw, payload);
    const wav = await toWav(raw, format);
    const samples = await samplesOf(wav);
    expect(samples).toHaveLength(30 * rateHz);
    // Without the edges, where it fades in and out.
    const { frequencyHz, peak, broken, farthest } = judgeTone(samples.subarray(rateHz / 2, -rateHz / 2), rateHz, 440, most);
    const level = await levelOf(wav);
    note(
      `${name}: ${frequencyHz.toFixed(5)} Hz, peak ${peak.toFixed(5)}, ${level} dB, ${farthest.toFixed(1)} off the sine, ${missing} packets left out`,
    );
    expect(Math.abs(frequencyHz - 440)).toBeLessThan(0.1);
    expect(Math.abs(20 * Math.log10(peak / 0.5))).toBeLessThan(0.1);
    expect(Math.abs(level - 20 * Math.log10(0.5 / Math.SQRT2))).toBeLessThan(0.1);
    // None but where a packet is missing, and of those few.
    expect(broken).toBeLessThanOrEqual(2 * missing);
    expect(missing).toBeLessThan(75);
  });

  it.for([
    ['PCMU', 0],
    ['PCMA', 8],
  ] as const)('a WAV file played as %s arrives bit by bit', async ([format, payloadType], { expect }) => {
    const phone = await dial(`play-${format}`, { formats: String(payloadType), attributes: [] });
    await phone.ended;
    phone.close();
    const expected = readFileSync(await encode(played[format], join(dir, 'expected'), format));
    const { payload, came, missing, faults } = layOut(phone.heard, 160, 0);
    expect(faults).toEqual([]);
    expect(expected.length).toBeGreaterThan(20_000);
    expect(payload.length).toBeGreaterThanOrEqual(expected.length);
    // Behind the end there is silence.
    const differ = came.filter(([from, to]) => !payload.subarray(from, Math.min(to, expected.length)).equals(expected.subarray(from, to)));
    expect(differ).toEqual([]);
    expect(await server.records(`play-${format}`)).toMatchObject([{ end_reason: 'play over', media: { skipped: missing } }]);
    expect(missing).toBeLessThan(25);
  });

  it.for([
    ['PCMU', 0],
    ['PCMA', 8],
  ] as const)('what is said in %s is in the recording, sample by sample', async ([format, payloadType], { expect }) => {
    const said = await encode(spoken, join(dir, 'said'), format, ['gain', '-3']);
    const user = `record-${format}`;
    const phone = await dial(user, { formats: String(payloadType), attributes: [] });
    await phone.send(audioPackets(readFileSync(said), payloadType));
    expect(await phone.hangUp()).toBe(200);
    const [record] = await server.records(user);
    const recorded = { rejected_source: 0, recording_problem: null, recording_dropped_bytes: 0, lost: 0, duplicates: 0, reordered: 0 };
    expect(record).toMatchObject({ ended_by: 'caller', media: recorded });
    const heard = await samplesOf(join(dir, String(record?.media?.['recording'])));
    const expected = await samplesOf(await toWav(said, format));
    expect(expected.length).toBeGreaterThan(20_000);
    expect(Buffer.compare(Buffer.from(heard.buffer), Buffer.from(expected.buffer))).toBe(0);
  });
});
