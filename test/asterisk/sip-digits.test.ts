/** Digits as `rtplat sip-serve` hears them: each once, by each of the three ways, and none in speech. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { SeededRandom } from '../../src/core/probe/random.ts';
import { sipCaptures } from './kit/peers.ts';
import { type EventFate, audioPackets, dial, eventPackets } from './kit/phone.ts';
import { scratchFolder } from './kit/scratch.ts';
import { type SipServe, callers, startSipServe } from './kit/sip-server.ts';
import { dialTones, encode, speak } from './kit/sound.ts';

const scratch = scratchFolder();

/** 200 digits; some follow themselves. */
function digitsOf(seed: number): string {
  const random = new SeededRandom(seed);
  return Array.from({ length: 200 }, () => '0123456789*#ABCD'.charAt(random.uint32() & 15)).join('');
}

let dir: string;
let server: SipServe;

beforeAll(async () => {
  dir = scratch('digits');
  server = await startSipServe(dir, '[behavior]\nmode = "silence"\nauto_answer_delay_ms = 0\n');
});
afterAll(async () => {
  await server?.running.stop();
});

/** PCMU and no events: who offers none has to be heard in the audio. */
const AUDIO_ONLY = { formats: '0', attributes: [] } as const;

describe.concurrent('heard', () => {
  it('200 digits as events (RFC 4733), ends lost and packets doubled', async ({ expect }) => {
    const digits = digitsOf(1);
    const random = new SeededRandom(2);
    const fates: readonly EventFate[] = Array.from(digits, () => {
      const fate = random.uint32() % 8;
      // Two digits of eight lose some of their ends, one all of them; two come twice.
      const lostEnds = fate === 0 ? [0, 1, 2] : fate === 1 ? [0] : fate === 2 ? [1, 2] : [];
      return { lostEnds, doubled: fate === 3 || fate === 4 };
    });
    expect(fates.filter(({ lostEnds }) => lostEnds.length === 3).length).toBeGreaterThan(10);
    const phone = await dial('events');
    await phone.send(eventPackets(digits, 101, (index) => fates[index] ?? { lostEnds: [], doubled: false }));
    expect(await phone.hangUp()).toBe(200);
    const [record] = await server.records('events');
    expect(record?.digits).toBe(digits);
  });

  it('200 digits by INFO', async ({ expect }) => {
    const digits = digitsOf(3);
    const phone = await dial('info');
    for (const digit of digits) expect(await phone.info(digit)).toBe(200);
    expect(await phone.hangUp()).toBe(200);
    const [record] = await server.records('info');
    expect(record?.digits).toBe(digits);
  });

  it('200 digits in the audio', async ({ expect }) => {
    const digits = digitsOf(4);
    const phone = await dial('tones', AUDIO_ONLY);
    await phone.send(audioPackets(await dialTones(dir, digits, 60, 60), 0));
    expect(await phone.hangUp()).toBe(200);
    const [record] = await server.records('tones');
    expect(record?.digits).toBe(digits);
  });

  it('none in 60 s of speech, by four voices; the one that is dialled behind it is heard', async ({ expect }) => {
    const effects = ['gain', '-n', '-1', 'repeat', '-', 'trim', '0', '60'];
    const spoken = await encode(await speak(dir, SPEECH, ['en', 'en-us+f3', 'de', 'fr+m3']), join(dir, 'speech'), 'PCMU', effects);
    const phone = await dial('speech', AUDIO_ONLY);
    const pause = Buffer.alloc(800, 0xff);
    await phone.send(audioPackets(Buffer.concat([readFileSync(spoken), pause, await dialTones(scratch('end'), '5', 60, 60)]), 0));
    expect(await phone.hangUp()).toBe(200);
    const [record] = await server.records('speech');
    expect(record?.media?.['received']).toBeGreaterThan(3000);
    expect(record?.digits).toBe('5');
  });

  it("SIPp's own uac_pcap: eight seconds of PCMA, and a digit as events", async ({ expect }) => {
    const steps = { builtIn: 'uac_pcap', args: [] };
    const { code, errors } = await callers({ dir, user: 'uac_pcap', steps, captures: sipCaptures() });
    expect(code, errors).toBe(0);
    const [record] = await server.records('uac_pcap');
    expect(record).toMatchObject({ status: 200, ended_by: 'caller', codec: 'PCMA/8000', digits: '1' });
    expect(record?.media?.['received']).toBeGreaterThan(100);
  });
});

const SPEECH = `
Alright, let us begin with the numbers: zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven and twelve.
How are you today? I said no, no, no; you owe me eighty euros. Oh, we were away all year, in Ohio, Iowa and Hawaii.
Peter Piper picked a peck of pickled peppers, and she sells sea shells by the sea shore. Please hold the line!
`;
