/**
 * One impairment: two calls at once, through the path to an Asterisk and on to an echo in another codec, as the probe sees them and as
 * the captures do.
 */
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { CallRow, RunDocument } from '../../src/core/report/run.ts';
import { startAsterisk } from '../../test/asterisk/kit/asterisk.ts';
import { compile } from '../lib/peers.ts';
import { start } from '../lib/process.ts';
import { quantile } from '../lib/rounds.ts';
import { rtplatArgs } from '../lib/rtplat.ts';
import { FAR, NEAR, openPath } from './path.ts';
import type { Impairment } from './path.ts';
import { truthOf } from './truth.ts';
import type { Truth } from './truth.ts';
import { witness } from './witness.ts';

interface Call {
  readonly name: string;
  readonly user: string;
  readonly args: readonly string[];
  readonly echoPort: number;
  /** What Asterisk speaks with the echo. */
  readonly echoCodec: string;
  /** What the codecs on the way hold the audio back by: docs/probe-a-call.md. */
  readonly codecMs: number;
}

const CALLS: readonly Call[] = [
  { name: 'PCMU, PCMA behind Asterisk', user: 'narrow', args: [], echoPort: 6_000, echoCodec: 'alaw', codecMs: 0 },
  {
    name: 'G.722, PCMU behind Asterisk',
    user: 'broad',
    args: ['--codec', 'G722', '--from', `sip:wide@${FAR.address}`],
    echoPort: 6_002,
    echoCodec: 'ulaw',
    codecMs: 12.75,
  },
];

export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** Of one call; delays in ms. */
export interface Measured extends Impairment {
  readonly call: string;
  readonly by: string;
  readonly seconds: number;
  readonly match: string;
  /** Packets: sent, come to Asterisk, come back; what of these the probe says it received under another SSRC, and knew. */
  readonly packets: { readonly sent: number; readonly there: number; readonly came: number; readonly received: number };
  /** Share of the packets that came back by the capture. */
  readonly detected: number;
  readonly score: number;
  readonly errorMs: number;
  /** By the captures, and what Asterisk and the echo are of its median. */
  readonly truth: Quantiles & { readonly beyondMs: number };
  /** By the probe, less what the codecs hold back. */
  readonly probe: Quantiles;
  /** 0; 4 when the probe doubts itself, on a busy host. */
  readonly status: number;
}

/** @param folder a new one. @throws Error when a call failed, or the captures prove nothing. */
export async function measure(folder: string, impairment: Impairment, seconds: number): Promise<readonly Measured[]> {
  const folders = { path: path.join(folder, 'path'), asterisk: path.join(folder, 'asterisk') };
  for (const made of [folder, ...Object.values(folders)]) mkdirSync(made);
  const link = await openPath(folders.path, impairment);
  try {
    const [nsenter = '', ...inside] = link.there;
    const echoes = await Promise.all(
      CALLS.map(({ echoPort }) => start(nsenter, [...inside, compile('echo'), String(echoPort)], { readyLine: /listening/ })),
    );
    const asterisk = await startAsterisk({
      release: 'sid',
      dir: folders.asterisk,
      bindIp: FAR.address,
      prefix: link.there,
      more: {
        modules: ['codec_g722'],
        pjsip: `[wide]\ntype = endpoint\ncontext = callers\ndisallow = all\nallow = g722\ndirect_media = no\n`,
        extensions: CALLS.map(
          ({ user, echoPort, echoCodec }) => `exten = ${user},1,Dial(UnicastRTP/127.0.0.1:${echoPort}/c(${echoCodec}))\n`,
        ).join(''),
      },
    });
    try {
      const near = await witness(path.join(folder, 'near.pcapng'), [NEAR.device]);
      const far = await witness(path.join(folder, 'far.pcapng'), [FAR.device, 'lo'], link.there);
      const probes = await Promise.all(CALLS.map((call) => probe(call, seconds)));
      const seen = { near: await near.end(), far: await far.end() };
      const measured: Measured[] = [];
      for (const [index, call] of CALLS.entries()) {
        const { status, row } = probes[index] as Probed;
        const truth = truthOf(seen, row.port ?? 0, call.echoPort);
        measured.push({ call: call.name, by: link.by, seconds, ...impairment, ...compared(call, row, truth), status });
      }
      return measured;
    } finally {
      await asterisk.stop();
      for (const echo of echoes) await echo.stop();
    }
  } finally {
    await link.stop();
  }
}

function compared({ codecMs }: Call, row: CallRow, truth: Truth): Omit<Measured, keyof Impairment | 'call' | 'by' | 'seconds' | 'status'> {
  const received = row.other_ssrc ?? 0;
  return {
    match: row.match ?? 'nothing',
    packets: { sent: truth.sent, there: truth.there, came: truth.came, received },
    detected: ((row.match_share ?? 0) * received) / truth.came,
    score: row.match_score ?? Number.NaN,
    errorMs: row.match_error_ms ?? Number.NaN,
    truth: { p50: quantile(truth.delaysMs, 0.5), p95: quantile(truth.delaysMs, 0.95), beyondMs: truth.beyondMs },
    probe: { p50: (row.p50_latency ?? Number.NaN) - codecMs, p95: (row.p95_latency ?? Number.NaN) - codecMs },
  };
}

interface Probed {
  readonly status: number;
  readonly row: CallRow;
}

/** To place a call, to wait for the last packets, and to hang up, over a path that loses INVITEs and BYEs too. */
const AROUND_A_CALL_MS = 90_000;

async function probe({ user, args, name }: Call, seconds: number): Promise<Probed> {
  const words = rtplatArgs('probe', `sip:${user}@${FAR.address}:5060`, '--duration', `${seconds}s`, ...args, '--json', '--quiet');
  const options = { maxBuffer: 2 ** 26, timeout: seconds * 1e3 + AROUND_A_CALL_MS };
  const { status, stdout, stderr } = await new Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }>(
    (resolve) => {
      const child = execFile(process.execPath, words, options, (_, out, errors) =>
        resolve({ status: child.exitCode ?? 1, stdout: out, stderr: errors }),
      );
    },
  );
  const row = stdout === '' ? undefined : (JSON.parse(stdout) as RunDocument).calls[0];
  if (![0, 4].includes(status) || row === undefined) throw new Error(`${name}: the probe ended with status ${status}: ${stderr.trim()}`);
  return { status, row };
}
