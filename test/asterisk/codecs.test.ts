/** Every codec with every ptime: `rtplat probe` by SIP and through ARI, with a real Asterisk and with `sip-serve`. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AriCodecName } from '../../src/core/caller/ari-audio.ts';
import { AriLine } from '../../src/core/caller/ari-line.ts';
import { CODEC_NAMES } from '../../src/core/caller/audio.ts';
import type { CallCodecName } from '../../src/core/caller/audio.ts';
import { Caller } from '../../src/core/caller/caller.ts';
import type { CallLine } from '../../src/core/caller/line.ts';
import type { PlacingOptions } from '../../src/core/caller/options.ts';
import type { SettledCall } from '../../src/core/caller/outcome.ts';
import { openSipLine } from '../../src/core/caller/sip-line.ts';
import { parseCallTarget } from '../../src/core/caller/target.ts';
import { selectEngine } from '../../src/core/udp/select.ts';
import { type Asterisk, type AsteriskRelease, startAsterisk } from './kit/asterisk.ts';
import { capture, datagrams } from './kit/capture.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, type SipServe, startSipServe } from './kit/sip-server.ts';

const scratch = scratchFolder();
const PTIMES = [10, 20, 30, 40, 50, 60] as const;
/** What fits into an Ethernet frame: of L16, 40 ms. */
const LONGEST: Readonly<Record<CallCodecName, number>> = { PCMU: 60, PCMA: 60, G722: 60, L16: 40 };
const FORMATS: Readonly<Record<CallCodecName, string>> = { PCMU: 'ulaw', PCMA: 'alaw', G722: 'g722', L16: 'slin16' };
/** What `sip-serve` speaks. */
const SERVED = ['PCMU', 'PCMA', 'L16'] as const;
const THROUGH_ARI: readonly AriCodecName[] = ['PCMU', 'PCMA', 'G722'];
const SECONDS = 1.2;

const { engine } = await selectEngine('auto');

function optionsOf(ptimeMs: number): PlacingOptions {
  return {
    ...({ count: 1, forNs: null, concurrency: 1, cps: 10, ringTimeoutNs: 30e9, match: 'auto', ptimeMs } as const),
    media: { durationNs: SECONDS * 1e9, timeoutNs: 2e9, lateThresholdNs: 3e6, seed: ptimeMs, bufferBytes: 1_000_000 },
  };
}

async function place(options: PlacingOptions, open: () => Promise<CallLine>): Promise<SettledCall> {
  const { calls } = await new Caller({ engine, options, open }).run();
  return calls[0]!;
}

function bySip(uri: string, from: string, codec: CallCodecName, ptimeMs: number): Promise<SettledCall> {
  const options = { ...optionsOf(ptimeMs), target: parseCallTarget(uri, { from }), codecs: [codec], srtp: [], credentials: undefined };
  const tls = { ca: undefined, verify: true };
  return place(options, () => openSipLine({ engine, tls, product: 'rtplat' }, options));
}

/** All of what was sent came back, but for what the beginning of the echo and a busy machine may have missed. */
function expectMeasured(call: SettledCall, codec: CallCodecName, ptimeMs: number, match: string): void {
  const what = `${codec}, ${ptimeMs} ms: ${call.problem ?? ''} ${JSON.stringify(call.media?.streams[0] ?? null)}`;
  expect(call.problem, what).toBeNull();
  expect(call, what).toMatchObject({ codec, ptimeMs });
  const { media } = call;
  expect(media?.streams[0]?.match, what).toBe(match);
  expect(media?.sent, what).toBe(Math.ceil((SECONDS * 1000) / ptimeMs));
  expect(media?.received, what).toBeGreaterThanOrEqual((media?.sent ?? Number.NaN) / 2);
  expect(media?.malformed, what).toBe(0);
}

describe('by SIP', () => {
  let asterisk: Asterisk;
  let server: SipServe;
  beforeAll(async () => {
    const caller = (name: CallCodecName): string =>
      `[${name}]\ntype = endpoint\ncontext = callers\ndisallow = all\nallow = ${FORMATS[name]}\ndirect_media = no\nuse_ptime = yes\n100rel = no\ntimers = no\n`;
    asterisk = await startAsterisk({
      release: 'sid',
      dir: scratch('asterisk'),
      more: { modules: ['codec_g722'], pjsip: CODEC_NAMES.map(caller).join('') },
    });
    const codecs = SERVED.map((name) => `"${name}"`).join(', ');
    server = await startSipServe(
      scratch('server'),
      `[media]\npreferred_codecs = [${codecs}]\naudio_sample_rate = 16000\n[behavior]\nmode = "echo"\nauto_answer_delay_ms = 50\n`,
    );
  });
  afterAll(async () => {
    await server?.running.stop();
    await asterisk?.stop();
  });

  it.each(SERVED)('%s of 10 to 60 ms with sip-serve: by header', async (codec) => {
    const calls = await Promise.all(PTIMES.map((ptimeMs) => bySip(`sip:600@127.0.0.1:${SIP_PORT}`, 'sip:me@127.0.0.1', codec, ptimeMs)));
    for (const [i, call] of calls.entries()) expectMeasured(call, codec, Math.min(PTIMES[i]!, LONGEST[codec]), 'header');
  });

  it.each(CODEC_NAMES)('%s of 10 to 60 ms with the Echo() of Asterisk: by payload', async (codec) => {
    const calls = await Promise.all(PTIMES.map((ptimeMs) => bySip('sip:601@127.0.0.1:5060', `sip:${codec}@127.0.0.1`, codec, ptimeMs)));
    for (const [i, call] of calls.entries()) expectMeasured(call, codec, Math.min(PTIMES[i]!, LONGEST[codec]), 'payload');
  });
});

describe.each<AsteriskRelease>(['sid', 'bullseye'])('through ARI, by Asterisk of %s', (release) => {
  let asterisk: Asterisk;
  beforeAll(async () => {
    asterisk = await startAsterisk({ release, dir: scratch(`ari-${release}`), more: { modules: ['codec_g722', 'func_timeout'] } });
  });
  afterAll(() => asterisk?.stop());

  it.each(THROUGH_ARI)('%s of 10 to 60 ms with its Echo(): by payload, and nothing converts it', async (codec) => {
    const { url, user, password } = asterisk.ari;
    const seen = await capture({ dir: scratch(`seen-${release}-${codec}`) });
    const calls = await Promise.all(
      PTIMES.map((ptimeMs) => {
        const options = { ...optionsOf(ptimeMs), codec };
        const more = { engine, endpoint: 'Local/601@callers', advertise: undefined, instance: `t${ptimeMs}` };
        return place(options, () => AriLine.open({ ...more, options, url: new URL(url), user, password }));
      }),
    );
    for (const [i, call] of calls.entries()) expectMeasured(call, codec, PTIMES[i]!, 'payload');
    // What Asterisk sends has the payload type that we send it with.
    const all = await datagrams(await seen.stop(), 'udp');
    for (const { port } of calls) {
      const types = (at: 'srcPort' | 'dstPort'): ReadonlySet<number> =>
        new Set(all.filter((each) => each[at] === port).map(({ payload }) => Number.parseInt(payload.slice(2, 4), 16) & 0x7f));
      expect(types('dstPort'), codec).toEqual(types('srcPort'));
    }
  });
});
