/** Who calls: signalling by SIPp, and audio by SIPp itself or by a program that keeps time. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { compile } from '../lib/peers.ts';
import { start } from '../lib/process.ts';
import { startSipp } from './sipp.ts';

/** What bench/peers/phones.c prints: how well the audio was sent. */
export interface Pacing {
  /** Whether the sender had real-time priority. */
  readonly realtime: boolean;
  readonly sent: number;
  readonly refused: number;
  readonly received: number;
  /** Packets that left more than 3 ms behind their time. */
  readonly late: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

export interface Callers {
  /** Process ids. */
  readonly pids: { readonly sipp: number; readonly phones?: number };
  /** Rejects as soon as a call goes wrong; resolves when all have been hung up by the other side. */
  readonly done: Promise<void>;
  /** Ends the audio. @returns null for audio that tells nothing about itself. */
  readonly silence: () => Promise<Pacing | null>;
}

export interface CallersOptions {
  /** An empty folder. */
  readonly folder: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly target: string;
}

export interface CallerKind {
  readonly name: string;
  readonly start: (options: CallersOptions) => Promise<Callers>;
}

/** Audio at absolute deadlines, from a thread of real-time priority. */
export const PHONES: CallerKind = {
  name: 'phones',
  start: async (options) => {
    const portsFile = path.join(options.folder, 'ports');
    writeFileSync(portsFile, '');
    const ready = /^phones on (\d+)$/;
    const phones = await start(compile('phones'), [String(options.calls), portsFile], { readyLine: ready });
    const audio = Number(ready.exec(phones.lines()[0] ?? '')?.[1]);
    const sipp = startSipp({ ...options, audio, portsFile });
    return {
      pids: { sipp: sipp.pid, phones: phones.pid },
      done: sipp.done,
      silence: async () => JSON.parse((await phones.stop()).split('\n')[1] ?? '') as Pacing,
    };
  },
};

/** Audio as SIPp sends it. */
export const SIPP_STREAM: CallerKind = {
  name: 'SIPp rtp_stream',
  start: async (options) => {
    const sipp = startSipp({ ...options, audio: 'rtp_stream', portsFile: path.join(options.folder, 'ports') });
    return { pids: { sipp: sipp.pid }, done: sipp.done, silence: async () => null };
  },
};
