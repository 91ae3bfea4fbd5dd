/** The verdict on calls of `rtplat probe sip:…` to a real Asterisk 22: what its dialplan and the way there do to them, and that good ones are fine. */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { CallVerdictMembers } from '../../src/core/report/call-verdict.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { delayingEcho } from './kit/delaying-echo.ts';
import { mediaLink } from './kit/media-link.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, type SipServe, startSipServe } from './kit/sip-server.ts';
import { note } from './kit/world.ts';

const scratch = scratchFolder();
const PROGRAM = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));
/** Of an echo that delays. */
const SLOW_PORT = 6_000;
const LINK = { sipPort: 5_090, rtpPort: 31_000 } as const;

let asterisk: Asterisk;
let server: SipServe;

beforeAll(async () => {
  const dir = scratch('asterisk');
  mkdirSync(join(dir, 'etc'), { recursive: true });
  writeFileSync(join(dir, 'etc/confbridge.conf'), '[general]\n');
  const trunk = (name: string, allow: string): string =>
    `[${name}]\ntype = endpoint\ncontext = nowhere\naors = far\ndisallow = all\nallow = ${allow}\ndirect_media = no\n100rel = no\ntimers = no\n`;
  const caller = (name: string, lines: string): string =>
    `[${name}]\ntype = endpoint\ncontext = callers\ndisallow = all\ndirect_media = no\n${lines}\n`;
  asterisk = await startAsterisk({
    release: 'sid',
    dir,
    more: {
      modules: ['codec_g722', 'app_confbridge'],
      pjsip: `
${caller('wide', 'allow = g722')}
${caller('linked', 'allow = ulaw\nrtp_symmetric = yes')}
${trunk('far-ulaw', 'ulaw')}
${trunk('far-alaw', 'alaw')}
[far]
type = aor
contact = sip:127.0.0.1:${SIP_PORT}
`,
      extensions: `
exten = ulaw,1,Dial(PJSIP/600@far-ulaw)
exten = alaw,1,Dial(PJSIP/600@far-alaw)
exten = slow,1,Dial(UnicastRTP/127.0.0.1:${SLOW_PORT}/c(alaw))
exten = deaf,1,Answer()
 same = n,Wait(60)
exten = hush,1,Answer()
 same = n,Playtones(0/1000)
 same = n,Wait(60)
exten = tone,1,Answer()
 same = n,Playtones(425)
 same = n,Wait(60)
exten = late,1,Answer()
 same = n,Wait(1.2)
 same = n,Echo()
exten = prompt,1,Answer()
 same = n,Playtones(425)
 same = n,Wait(3)
 same = n,StopPlaytones()
 same = n,Echo()
exten = meet,1,Answer()
 same = n,ConfBridge(meet)
`,
    },
  });
  server = await startSipServe(scratch('server'), '[behavior]\nmode = "echo"\nauto_answer_delay_ms = 50\n');
});
afterAll(async () => {
  await server?.running.stop();
  await asterisk?.stop();
});

interface Ran {
  readonly stderr: string;
  readonly run: RunDocument;
  readonly verdicts: readonly CallVerdictMembers[];
}

async function probe(user: string, ...args: readonly string[]): Promise<Ran> {
  const target = `sip:${user}@127.0.0.1:5060`;
  const { stdout, stderr } = await new Promise<{ readonly stdout: string; readonly stderr: string }>((resolve) => {
    execFile(process.execPath, [PROGRAM, 'probe', target, '--json', ...args], { maxBuffer: 2 ** 24 }, (_, out, errors) =>
      resolve({ stdout: out, stderr: errors }),
    );
  });
  if (stdout === '') throw new Error(`no document: ${stderr}`);
  const run = JSON.parse(stdout) as RunDocument;
  return { stderr, run, verdicts: run.calls.flatMap(({ verdict }) => verdict ?? []) };
}

function noted(user: string, { verdicts }: Ran): void {
  for (const { state, direction, evidence, first_ms: first } of verdicts)
    note(`${user}: ${state} (${direction ?? 'no direction'}) first at ${first} ms: ${evidence.join('; ')}`);
}

/** A busy machine loses packets, and holds them up: then it is right to say so. */
function expectFine({ run, verdicts }: Ran): void {
  const [row, ...others] = run.calls;
  expect(others).toEqual([]);
  const lost = row?.not_found_ratio ?? row?.packet_loss_ratio ?? 0;
  const [verdict] = verdicts;
  const excused = verdict?.state === 'robotic' && (lost > 0.03 || verdict.evidence[0]?.includes('too late') === true);
  if (!excused) expect(verdicts).toMatchObject([{ state: 'fine', direction: null }]);
}

describe('a call that is fine', () => {
  it.each([
    ['601', ['--codec', 'PCMU']],
    ['601', ['--from', 'sip:wide@127.0.0.1', '--codec', 'G722']],
    ['ulaw', []],
    ['alaw', []],
    ['ulaw', ['--from', 'sip:wide@127.0.0.1', '--codec', 'G722']],
  ])('%s %o', async (user, args) => {
    const ran = await probe(user, '--duration', '5s', ...args);
    noted(user, ran);
    expectFine(ran);
  });

  it.each([
    [20, 0.01],
    [80, 0.03],
    [150, 0.03],
  ])('with %i ms, 5 ms of jitter and a loss of %f behind Asterisk, converted', async (delayMs, loss) => {
    const echo = await delayingEcho({ port: SLOW_PORT, delayMs, jitterMs: 5, loss, seed: 11 });
    onTestFinished(() => echo.close());
    const ran = await probe('slow', '--duration', '8s');
    noted('slow', ran);
    expectFine(ran);
  });
});

describe('a call that is not', () => {
  it.each([
    // It reports by RTCP, every 5 s, that it hears us.
    ['deaf', 'one-way', 'from the far end', /nothing has come/],
    ['hush', 'silent', 'from the far end', /silence or line noise/],
    ['tone', 'crossed', 'from the far end', /of no call of this run/],
    ['late', 'clipped', null, /^the first 1[0-9]\d\d ms after the answer never came back/],
  ])('%s', async (user, state, direction, evidence) => {
    const ran = await probe(user, '--duration', '8s');
    noted(user, ran);
    expect(ran.verdicts).toMatchObject([{ state, direction }]);
    expect(ran.verdicts[0]?.evidence[0]).toMatch(evidence);
    expect(ran.stderr).toContain(`Warning: call-1 is ${state}`);
  });

  it('hears a tone first, which is another sound, and then itself: its beginning is cut off', async () => {
    const ran = await probe('prompt', '--duration', '7s');
    noted('prompt', ran);
    expect(ran.verdicts).toMatchObject([{ state: 'clipped', changes: [{ state: 'crossed' }, { state: 'clipped' }] }]);
  });

  it('two in a conference hear each other, which names them', async () => {
    const ran = await probe('meet', '--count', '2', '--cps', '100', '--duration', '8s');
    noted('meet', ran);
    expect(ran.verdicts).toMatchObject([
      { state: 'crossed', crossed_with: 2 },
      { state: 'crossed', crossed_with: 1 },
    ]);
  });
});

describe('the direction, where RTCP of Asterisk tells it', () => {
  it.each([
    ['to the server', 'towards the far end'],
    ['to the caller', 'from the far end'],
  ] as const)('bursts of 200 ms each second are lost %s', async (direction, told) => {
    const link = await mediaLink({ ...LINK, server: { address: '127.0.0.1', port: 5_060 }, burst: 10, direction });
    onTestFinished(() => link.close());
    const ran = await probe('601', '--from', 'sip:linked@127.0.0.1', '--proxy', `sip:127.0.0.1:${LINK.sipPort}`, '--duration', '12s');
    noted(direction, ran);
    expect(ran.stderr).not.toContain('rtplat:');
    expect(ran.verdicts).toMatchObject([{ state: 'robotic', direction: told }]);
  });

  it('nothing comes through any more from its fourth second on', async () => {
    const link = await mediaLink({
      ...LINK,
      server: { address: '127.0.0.1', port: 5_060 },
      burst: 0,
      direction: 'to the server',
      deadFrom: 200,
    });
    onTestFinished(() => link.close());
    const ran = await probe('601', '--from', 'sip:linked@127.0.0.1', '--proxy', `sip:127.0.0.1:${LINK.sipPort}`, '--duration', '20s');
    noted('dead there', ran);
    expect(ran.verdicts).toMatchObject([{ state: 'one-way', direction: 'towards the far end' }]);
  });
});
