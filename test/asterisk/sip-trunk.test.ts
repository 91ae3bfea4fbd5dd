/** A real Asterisk 22 calls `rtplat sip-serve` through PJSIP trunks, and hears or sees what it should. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { capture, datagrams } from './kit/capture.ts';
import { until } from './kit/process.ts';
import { startEcho } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { type SipServe, startSipServe } from './kit/sip-server.ts';
import { frequencyOf, judgeTone, levelOf, samplesOf, sineFile } from './kit/sound.ts';
import { DIALLED, TRUNK_ADDITIONS, type Trunk, WIDE, dialled, gone, originate, originateInto, recording, signalling } from './kit/trunk.ts';
import { note } from './kit/world.ts';

const scratch = scratchFolder();

const ROUTES = `
[behavior]
auto_answer_delay_ms = 100
mode = "silence"

[[route]]
match = "long"
action = "tone"
duration_seconds = 30

[[route]]
match = "tone"
action = "tone"
duration_seconds = 2

[[route]]
match = "straight"
action = "tone"
duration_seconds = 0

[[route]]
match = "mirror"
action = "echo"

[[route]]
match = "endless"
action = "tone"
duration_seconds = 0

[[route]]
match = "echo"
action = "echo"

[[route]]
match = "relay"
action = "relay"

[[route]]
match = "play"
action = "play"
file = "sine.wav"

[[route]]
match = "record"
action = "record"

[[route]]
match = "busy"
action = "busy"

[[route]]
match = "reject"
action = "reject"
`;

let dir: string;
let asterisk: Asterisk;
let server: SipServe;
let wide: SipServe;
/** Calls of 30 s, which last while the others are made. */
let long: readonly {
  readonly user: string;
  readonly id: string;
  readonly file: string;
  readonly server: SipServe;
  readonly codec: string;
}[];

beforeAll(async () => {
  dir = scratch('trunk');
  await sineFile(join(dir, 'sine.wav'), 600, 2);
  server = await startSipServe(dir, `${ROUTES}\n[media]\npreferred_codecs = ["PCMU", "PCMA", "L16"]\n`);
  const wideMedia = 'preferred_codecs = ["L16"]\naudio_sample_rate = 16000\nrtp_port_range_start = 30000\nrtp_port_range_end = 30999\n';
  wide = await startSipServe(scratch('wide'), `${ROUTES}\n[media]\n${wideMedia}`, WIDE);
  asterisk = await startAsterisk({ release: 'sid', dir: scratch('asterisk'), more: TRUNK_ADDITIONS });
  await asterisk.cli('pjsip set logger on');
  const begin = async (trunk: Trunk, codec: string, its: SipServe) => {
    const file = recording(dir, `long-${trunk}`);
    const id = await originate(asterisk, `PJSIP/long@${trunk}`, 'record', file);
    return { user: 'long', id, file, server: its, codec };
  };
  long = [await begin('trunk', 'PCMU/8000', server), await begin('trunk-slin16', 'L16/16000', wide)];
});
afterAll(async () => {
  await asterisk?.stop();
  await Promise.all([server?.running.stop(), wide?.running.stop()]);
});

/** Has Asterisk call and do its part, to the end. */
async function call(endpoint: string, judge: Parameters<typeof originate>[2], name: string): Promise<string> {
  const file = recording(dir, name);
  await gone(asterisk, await originate(asterisk, endpoint, judge, file));
  return file;
}

/** What is in the middle of a file: beginnings and ends are where a call begins and ends. */
function middle(samples: Int16Array): Int16Array {
  return samples.subarray(samples.length / 4, (3 * samples.length) / 4);
}

it('qualify: OPTIONS are answered, the trunk is available and has a round trip', async () => {
  const contacts = await until('an available trunk', async () => {
    const text = await asterisk.cli('pjsip show contacts');
    return /rtplat\/sip:127\.0\.0\.1:5070\s+\S+\s+Avail\s+([\d.]+)/.exec(text) ?? undefined;
  });
  expect(Number(contacts[1])).toBeGreaterThan(0);
  note(`OPTIONS round trip by Asterisk: ${contacts[1]} ms`);
});

describe('what Asterisk gets for each action', () => {
  it.each([
    ['trunk', 'PCMU/8000', 1],
    ['trunk-alaw', 'PCMA/8000', 2],
    ['trunk-slin', 'L16/8000', 3],
  ] as const)('tone over %s: %s, ended by us when it is over', async (trunk, codec, tones) => {
    const samples = await samplesOf(await call(`PJSIP/tone@${trunk}`, 'record', `tone-${trunk}`));
    expect(samples.length).toBeGreaterThan(8000);
    expect(frequencyOf(middle(samples), 8000)).toBeCloseTo(440, 1);
    const ended = (await server.records('tone', tones)).find((record) => record.codec === codec);
    expect(ended).toMatchObject({ action: 'tone', ended_by: 'us', end_reason: 'tone over', status: 200 });
  });

  it('echo: Asterisk hears what it plays', async () => {
    const samples = await samplesOf(await call('PJSIP/echo@trunk', 'speak', 'echo'));
    expect(frequencyOf(middle(samples), 8000)).toBeCloseTo(425, 0);
    const [record] = await server.records('echo');
    expect(record).toMatchObject({ action: 'echo', ended_by: 'caller', media: { lost: 0, rejected_source: 0 } });
    expect(record?.media?.['received']).toBeGreaterThan(100);
  });

  it('relay: the same, by way of the echo server, and each packet is measured', async () => {
    await startEcho({ dir });
    await server.healthy();
    const samples = await samplesOf(await call('PJSIP/relay@trunk', 'speak', 'relay'));
    expect(frequencyOf(middle(samples), 8000)).toBeCloseTo(425, 0);
    const [record] = await server.records('relay');
    expect(record).toMatchObject({ action: 'relay', ended_by: 'caller' });
    expect(record?.media?.['p99_latency']).toBeGreaterThan(0);
  });

  it('record: what Asterisk plays is in the file', async () => {
    await call('PJSIP/record@trunk', 'speak', 'unused');
    const [record] = await server.records('record');
    expect(record).toMatchObject({ ended_by: 'caller', media: { recording_problem: null, recording_dropped_bytes: 0 } });
    const samples = await samplesOf(`${dir}/${record?.media?.['recording']}`);
    expect(samples.length).toBeGreaterThan(16_000);
    expect(frequencyOf(middle(samples), 8000)).toBeCloseTo(425, 0);
  });

  it('play: Asterisk hears the file, and then the end', async () => {
    const samples = await samplesOf(await call('PJSIP/play@trunk', 'record', 'play'));
    expect(frequencyOf(middle(samples), 8000)).toBeCloseTo(600, 1);
    expect(await server.records('play')).toMatchObject([{ action: 'play', ended_by: 'us', end_reason: 'play over' }]);
  });

  it('silence: packets, and nothing in them', async () => {
    const id = await originate(asterisk, 'PJSIP/nothing@trunk', 'record', recording(dir, 'silence'));
    await until('a second of packets', async () => ((await received(id)) > 50 ? true : undefined));
    await asterisk.ari.request('DELETE', `/channels/${id}`);
    await gone(asterisk, id);
    expect(await levelOf(recording(dir, 'silence'))).toBe(Number.NEGATIVE_INFINITY);
    expect(await server.records('nothing')).toMatchObject([{ action: 'silence', ended_by: 'caller', end_reason: 'BYE' }]);
  });

  it.each([
    ['busy', 'BUSY 17', 486],
    ['reject', 'CHANUNAVAIL 21', 603],
  ])('%s: the dialplan sees %s', async (user, outcome, status) => {
    expect(await dialled(asterisk, user)).toBe(outcome);
    expect(await server.records(user)).toMatchObject([{ status, ended_by: 'us', answered_ms: null }]);
  });
});

/** RTP packets that a channel of Asterisk has received. */
async function received(id: string): Promise<number> {
  const { body } = await asterisk.ari.request('GET', `/channels/${id}/rtp_statistics`);
  return (body as { readonly rxcount: number }).rxcount;
}

/** Waits until no more come. @returns how many came. */
function quiet(id: string): Promise<number> {
  let last = -1;
  const still = async (): Promise<number | undefined> => {
    const before = last;
    last = await received(id);
    return last === before ? last : undefined;
  };
  return until('no more packets', still, { everyMs: 300 });
}

it.concurrent.for(['trunk', 'trunk-info', 'trunk-inband'] as const)('SendDTMF over %s: each digit once', async (trunk, { expect }) => {
  const user = `dtmf-${trunk}`;
  await gone(asterisk, await originate(asterisk, `PJSIP/${user}@${trunk}`, 'digits'));
  const [record] = await server.records(user);
  expect(record?.digits).toBe(DIALLED);
});

it('hold and resume by re-INVITE: the tone stops, and goes on', async () => {
  const app = new WebSocket(asterisk.ari.eventsUrl('holder'));
  await new Promise((resolve, reject) => {
    app.addEventListener('open', resolve);
    app.addEventListener('error', reject);
  });
  const id = await originateInto(asterisk, 'PJSIP/endless@trunk-hold', 'holder');
  await until('the tone', async () => ((await received(id)) > 25 ? true : undefined));
  const hold = async (method: 'POST' | 'DELETE'): Promise<void> => {
    await until(`${method} hold`, async () => (await asterisk.ari.request(method, `/channels/${id}/hold`)).status === 204 || undefined);
  };
  await hold('POST');
  const held = await quiet(id);
  await hold('DELETE');
  await until('the tone again', async () => ((await received(id)) > held + 25 ? true : undefined));
  await asterisk.ari.request('DELETE', `/channels/${id}`);
  app.close();
  expect(await server.records('endless')).toMatchObject([{ ended_by: 'caller', media: { rejected_source: 0 } }]);
  const described = (direction: 'Transmitting' | 'Received'): readonly string[] =>
    signalling(asterisk, direction).flatMap((message) => /^a=(sendrecv|sendonly|recvonly)$/m.exec(message)?.[1] ?? []);
  expect(described('Transmitting').slice(-2)).toEqual(['sendonly', 'sendrecv']);
  expect(described('Received').slice(-2)).toEqual(['recvonly', 'sendrecv']);
});

it('100rel = required: the 180 is reliable, and Asterisk acknowledges it by PRACK', async () => {
  const id = await originate(asterisk, 'PJSIP/reliable@trunk-100rel', 'wait');
  await server.confirmed(1, 'reliable');
  await asterisk.ari.request('DELETE', `/channels/${id}`);
  expect(await server.records('reliable')).toMatchObject([{ status: 200, ended_by: 'caller' }]);
  const reliable = signalling(asterisk, 'Received').findLast((message) => /^SIP\/2\.0 180 /m.test(message)) ?? '';
  expect(reliable).toMatch(/^Require: 100rel$/m);
  const number = /^RSeq: (\d+)$/m.exec(reliable)?.[1] ?? 'none';
  const prack = signalling(asterisk, 'Transmitting').findLast((message) => /^PRACK sip:/m.test(message));
  expect(prack).toMatch(new RegExp(`^RAck: ${number} \\d+ INVITE$`, 'm'));
});

it('timers = required: the interval is agreed on, and that Asterisk refreshes', async () => {
  const id = await originate(asterisk, 'PJSIP/timed@trunk-timers', 'wait');
  await server.confirmed(1, 'timed');
  await asterisk.ari.request('DELETE', `/channels/${id}`);
  expect(await server.records('timed')).toMatchObject([{ status: 200, ended_by: 'caller' }]);
  const accepted = signalling(asterisk, 'Received').findLast((message) => /^Session-Expires: /m.test(message)) ?? '';
  expect(accepted).toMatch(/^SIP\/2\.0 200 /m);
  expect(accepted).toMatch(/^Session-Expires: 90;refresher=uac$/m);
  expect(accepted).toMatch(/^Require: timer$/m);
});

it('direct_media: after a re-INVITE to both legs the tone goes from one to the other, past Asterisk', async () => {
  const trace = await capture({ dir: scratch('direct'), filter: 'udp src portrange 10000-19999 and udp dst portrange 10000-19999' });
  const id = await originate(asterisk, 'PJSIP/straight@trunk-direct', 'direct');
  await server.confirmed(1, 'mirror');
  await quiet(id);
  const past = async (): Promise<number> => (await datagrams(trace.file, '!(udp.port == 9)')).length;
  const packets = await until('packets past Asterisk', async () => {
    const count = await past();
    return count > 20 ? count : undefined;
  });
  note(`direct media: ${packets} packets from one call to the other`);
  await asterisk.ari.request('DELETE', `/channels/${id}`);
  await trace.stop();
  const [[tone], [mirror]] = await Promise.all([server.records('straight'), server.records('mirror')]);
  expect(tone).toMatchObject({ action: 'tone', ended_by: 'caller' });
  expect(mirror).toMatchObject({ action: 'echo', ended_by: 'caller' });
});

/** Of 20 ms at 8 kHz, as Asterisk records. */
const FRAME_SAMPLES = 160;

it('30 s of tone as Asterisk has recorded it: one sine from the first sample to the last', async () => {
  for (const { id, file, codec, server: its } of long) {
    await gone(asterisk, id, 60_000);
    const [record] = await its.records('long');
    expect(record).toMatchObject({ codec, ended_by: 'us', end_reason: 'tone over' });
    const samples = await samplesOf(file);
    expect(samples.length).toBeGreaterThan(29 * 8000);
    // Without the edges, where it fades in and out. Asterisk puts together what a busy machine kept the server from sending, or itself from
    // recording though it came: each such place lies in two seconds at the most.
    const { frequencyHz, broken, farthest } = judgeTone(samples.subarray(4000, -4000), 8000, 440, 600);
    const unrecorded = Math.max(0, Number(record?.media?.['sent']) - Math.floor(samples.length / FRAME_SAMPLES));
    expect(broken).toBeLessThanOrEqual(2 * (Number(record?.media?.['skipped']) + unrecorded));
    const level = await levelOf(file);
    note(
      `${codec}, recorded by Asterisk: ${frequencyHz.toFixed(4)} Hz, ${level} dB, ${farthest.toFixed(0)} off the sine, ${broken} seconds broken`,
    );
    expect(Math.abs(frequencyHz - 440)).toBeLessThan(0.1);
    expect(Math.abs(level - 20 * Math.log10(0.5 / Math.SQRT2))).toBeLessThan(0.1);
  }
});
