// The kit judges the product, so it is judged first: against Asterisk's own Echo(), with nothing of ours in between.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Asterisk, type AsteriskRelease, startAsterisk } from './kit/asterisk.ts';
import { capture, datagrams, parseRtpStreams, rtpStreams } from './kit/capture.ts';
import { otherHost } from './kit/other-host.ts';
import { until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { runSipp, startSipp } from './kit/sipp.ts';

const ASTERISK_RTP = '20000-24000';
const releases: readonly { release: AsteriskRelease; version: RegExp }[] = [
  { release: 'sid', version: /^Asterisk 22\./m },
  { release: 'bullseye', version: /^Asterisk 16\.28/m },
];

describe.each(releases)('Asterisk of $release', ({ release, version }) => {
  const scratch = scratchFolder();
  let asterisk: Asterisk;
  beforeAll(async () => {
    asterisk = await startAsterisk({ release, dir: scratch('asterisk') });
  });
  afterAll(async () => {
    await asterisk?.stop();
  });

  test('is the release it says it is', async () => {
    expect(await asterisk.cli('core show version')).toMatch(version);
  });

  test('echoes every packet of 3 SIPp callers, and tshark agrees with itself on both legs', async () => {
    const dir = scratch('echo');
    const trace = await capture({ dir });
    const calls = await runSipp({ dir, calls: 3, durationMs: 2000, extension: '601' });
    const streams = await rtpStreams(await trace.stop(), [ASTERISK_RTP]);

    expect(calls).toMatchObject({ created: 3, answered: 3, refused: {}, hungUpByPeer: 0, successful: 3, failed: 0, errors: '' });
    const sent = streams.filter((stream) => stream.srcPort === 6000);
    const echoed = streams.filter((stream) => stream.dstPort === 6000);
    expect(sent).toHaveLength(3);
    expect(echoed).toHaveLength(3);
    for (const stream of sent) {
      const back = echoed.find((other) => other.srcPort === stream.dstPort);
      expect(stream.lost).toBe(0);
      // 2 s at one packet every 20 ms; the stream ends with the call, to the packet or two.
      expect(stream.packets).toBeGreaterThanOrEqual(90);
      expect(stream.packets).toBeLessThanOrEqual(110);
      expect(back?.packets).toBe(stream.packets);
    }
  });

  test('passes payloads unchanged', async () => {
    const dir = scratch('payload');
    const trace = await capture({ dir });
    await runSipp({ dir, calls: 1, durationMs: 1000, extension: '601' });
    const packets = await datagrams(await trace.stop(), 'udp.port == 6000');
    const audio = (side: 'srcPort' | 'dstPort'): string[] => packets.filter((p) => p[side] === 6000).map((p) => p.payload.slice(24));
    expect(audio('srcPort').length).toBeGreaterThan(40);
    expect(audio('dstPort')).toEqual(audio('srcPort'));
  });

  test('refuses what it does not know, and SIPp counts the refusals by their code', async () => {
    const unknown = await runSipp({ dir: scratch('unknown'), calls: 4, rate: 50, durationMs: 500, extension: '699' });
    expect(unknown).toMatchObject({ created: 4, answered: 0, refused: { 404: 4 }, failed: 0 });
    // Nobody has registered the application: Stasis() returns at once and the dialplan hangs up.
    const nobody = await runSipp({ dir: scratch('nobody'), calls: 2, rate: 50, durationMs: 500, extension: '600' });
    expect(nobody).toMatchObject({ created: 2, answered: 0, refused: { 603: 2 }, failed: 0 });
  });

  test('plays the tone of 602 without a packet from the caller', async () => {
    const dir = scratch('tone');
    const trace = await capture({ dir });
    const calls = await runSipp({ dir, calls: 1, durationMs: 1500, extension: '602', speaks: false });
    const streams = await rtpStreams(await trace.stop(), [ASTERISK_RTP]);
    expect(calls.answered).toBe(1);
    expect(streams.filter((stream) => stream.srcPort === 6000)).toEqual([]);
    expect(streams.find((stream) => stream.dstPort === 6000)?.packets).toBeGreaterThan(40);
  });

  test('counts the calls that the other side ends', async () => {
    const sipp = startSipp({ dir: scratch('hangup'), calls: 2, rate: 50, durationMs: 60_000, extension: '601' });
    const channels = await until('2 channels', async () => {
      const list = await asterisk.ari.channels();
      return list.filter((channel) => channel.state === 'Up').length === 2 ? list : undefined;
    });
    for (const { id } of channels) await asterisk.ari.request('DELETE', `/channels/${id}`);
    expect(await sipp.result).toMatchObject({ answered: 2, hungUpByPeer: 2, successful: 2, failed: 0 });
    await until('no channel', async () => ((await asterisk.ari.channels()).length === 0 ? true : undefined));
  });

  test('a caller that gives up before the answer sends CANCEL and gets 487', async () => {
    // A WebSocket that answers nothing: the call rings for as long as the caller likes.
    const idle = new WebSocket(asterisk.ari.eventsUrl('rtplat'));
    await new Promise((resolve, reject) => {
      idle.addEventListener('open', resolve);
      idle.addEventListener('error', reject);
    });
    const calls = await runSipp({ dir: scratch('cancel'), calls: 2, durationMs: 500, extension: '600', scenario: 'canceller' });
    idle.close();
    expect(calls).toMatchObject({ created: 2, answered: 0, cancelled: 2, successful: 2, failed: 0 });
  });

  test('frozen, it answers nothing; thawed, it goes on; killed, it comes back with nothing left', async () => {
    await asterisk.freeze();
    await expect(fetch(`${asterisk.ari.url}/ari/asterisk/ping`, { signal: AbortSignal.timeout(300) })).rejects.toThrow(/timeout/i);
    asterisk.thaw();
    expect((await asterisk.ari.request('GET', '/asterisk/ping')).status).toBe(200);

    const before = asterisk.pid();
    const sipp = startSipp({ dir: scratch('kill'), calls: 2, rate: 50, durationMs: 60_000, extension: '601' });
    await until('2 channels', async () => ((await asterisk.ari.channels()).length === 2 ? true : undefined));
    await asterisk.kill9();
    await sipp.vanish();
    await asterisk.start();
    expect(asterisk.pid()).not.toBe(before);
    expect(await asterisk.ari.channels()).toEqual([]);
    expect(await asterisk.ari.bridges()).toEqual([]);
  });
});

const folder = scratchFolder();

test('another host: an Asterisk in a second network namespace takes calls over the link', async () => {
  const dir = folder('other-host');
  const host = await otherHost(dir);
  try {
    const asterisk = await startAsterisk({ release: 'sid', dir: folder('asterisk'), bindIp: host.ip, prefix: host.prefix });
    const trace = await capture({ dir, iface: host.iface, via: host.ip });
    const calls = await runSipp({ dir, calls: 1, durationMs: 1000, extension: '601', target: `${host.ip}:5060`, localIp: host.ourIp });
    const streams = await rtpStreams(await trace.stop(), [ASTERISK_RTP]);
    await asterisk.stop();
    expect(calls).toMatchObject({ answered: 1, successful: 1, failed: 0 });
    expect(new Set(streams.map((stream) => stream.srcIp))).toEqual(new Set([host.ip, host.ourIp]));
  } finally {
    await host.stop();
  }
});

test('parseRtpStreams reads what tshark 4.0 prints, also payload names with blanks and negative loss', () => {
  const table = `
========================= RTP Streams ========================
   Start time      End time     Src IP addr  Port    Dest IP addr  Port       SSRC          Payload  Pkts         Lost   Min Delta(ms)  Mean Delta(ms)   Max Delta(ms)  Min Jitter(ms) Mean Jitter(ms)  Max Jitter(ms) Problems?
     0.089344      3.047954       127.0.0.1 23688       127.0.0.1  6000 0x5878826E            g711U   149     0 (0.0%)           0.010          19.991          36.341           0.007           1.205           2.795 
     0.008387      3.007422       10.99.0.2 21796       127.0.0.1  6000 0x2BF4C10C  RTPType-96 (x)   151    -2 (-1.3%)          16.086          19.994          20.335           0.018           0.266           0.458 X
==============================================================
`;
  expect(parseRtpStreams(table)).toEqual([
    {
      srcIp: '127.0.0.1',
      srcPort: 23_688,
      dstIp: '127.0.0.1',
      dstPort: 6000,
      ssrc: 0x5878826e,
      payload: 'g711U',
      packets: 149,
      lost: 0,
      meanJitterMs: 1.205,
      maxJitterMs: 2.795,
    },
    {
      srcIp: '10.99.0.2',
      srcPort: 21_796,
      dstIp: '127.0.0.1',
      dstPort: 6000,
      ssrc: 0x2bf4c10c,
      payload: 'RTPType-96 (x)',
      packets: 151,
      lost: -2,
      meanJitterMs: 0.266,
      maxJitterMs: 0.458,
    },
  ]);
});
