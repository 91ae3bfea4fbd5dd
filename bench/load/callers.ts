/** Who places the calls: `rtplat probe ari:`, which asks Asterisk for them, or SIPp, which calls it. Both speak PCMU of 20 ms. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RunDocument } from '../../src/core/report/run.ts';
import type { Asterisk } from '../../test/asterisk/kit/asterisk.ts';
import { peer } from '../../test/asterisk/kit/peers.ts';
import { start } from '../../test/asterisk/kit/process.ts';
import type { Running } from '../../test/asterisk/kit/process.ts';
import { rtplatArgs } from '../lib/rtplat.ts';

export interface Load {
  readonly calls: number;
  readonly callsPerSecond: number;
  /** How long each call lasts. */
  readonly holdSeconds: number;
}

/** What a caller says of its calls when it has ended. */
export interface Told {
  readonly succeeded: number;
  /** What went wrong, one line each. */
  readonly problems: readonly string[];
  /** Only of `probe ari:`. */
  readonly run: RunDocument | null;
}

export interface Caller {
  readonly running: Running;
  /** To be asked once it has ended. */
  told(): Told;
}

export interface CallerKind {
  readonly name: string;
  readonly start: (folder: string, asterisk: Asterisk, load: Load) => Caller;
}

export const PROBE: CallerKind = {
  name: 'rtplat probe ari:',
  start: (folder, { ari }, { calls, callsPerSecond, holdSeconds }) => {
    const args = ['ari:Local/600@callers', '--ari-url', ari.url, '--ari-user', ari.user, '--service', 'http://127.0.0.1:9090', '--json'];
    args.push('--count', String(calls), '--cps', String(callsPerSecond), '--duration', `${holdSeconds}s`);
    const [document, errors] = [path.join(folder, 'run.json'), path.join(folder, 'probe.err')];
    const running = start(process.execPath, rtplatArgs('probe', ...args), document, { env: { ARI_PASS: ari.password }, errorPath: errors });
    return {
      running,
      told: () => {
        const said = readFileSync(errors, 'utf8').trim();
        const text = readFileSync(document, 'utf8');
        if (text === '') throw new Error(`rtplat probe has no result: ${said}`);
        const run = JSON.parse(text) as RunDocument;
        return { succeeded: run.ari?.calls_succeeded ?? 0, problems: said === '' ? [] : said.split('\n'), run };
      },
    };
  },
};

/** One second of silence in PCMU. */
const SILENCE = new Uint8Array(8000).fill(0xff);

export const SIPP: CallerKind = {
  name: 'SIPp',
  start: (folder, asterisk, { calls, callsPerSecond, holdSeconds }) => {
    const file = (name: string): string => path.join(folder, name);
    writeFileSync(file('silence.pcmu'), SILENCE);
    const template = readFileSync(new URL('caller.xml', import.meta.url), 'utf8');
    writeFileSync(file('caller.xml'), template.replaceAll('SOUND', file('silence.pcmu')).replaceAll('HOLD', String(holdSeconds * 1e3)));
    const args = [`${asterisk.bindIp}:${asterisk.sipPort}`, '-sf', file('caller.xml'), '-s', '600', '-i', '127.0.0.1', '-mi', '127.0.0.1'];
    args.push('-nostdin', '-m', String(calls), '-r', String(callsPerSecond), '-l', String(calls));
    args.push('-trace_stat', '-stf', file('stat.csv'), '-trace_err', '-error_file', file('errors.log'));
    // A busy machine is no reason to give up.
    args.push('-watchdog_minor_maxtriggers', '1000000', '-watchdog_major_maxtriggers', '1000000');
    const running = start(peer('sipp'), args, file('screen.log'), { cwd: folder, env: { TERM: 'dumb' } });
    return {
      running,
      told: () => {
        const said = existsSync(file('errors.log')) ? readFileSync(file('errors.log'), 'utf8').trim().slice(-1000) : '';
        if (!existsSync(file('stat.csv'))) throw new Error(`SIPp placed no call: ${said}${running.output().slice(-1000)}`);
        const succeeded = succeededOf(readFileSync(file('stat.csv'), 'utf8'));
        return { succeeded, problems: said === '' ? [] : said.split('\n'), run: null };
      },
    };
  },
};

/** The last line of SIPp's statistics has the sums. */
function succeededOf(csv: string): number {
  const lines = csv.trim().split('\n');
  const at = (lines[0] ?? '').split(';').indexOf('SuccessfulCall(C)');
  const value = Number((lines.at(-1) ?? '').split(';')[at]);
  if (at < 0 || lines.length < 2 || Number.isNaN(value))
    throw new Error(`SIPp's statistics have no SuccessfulCall(C): ${lines.at(-1) ?? 'nothing'}`);
  return value;
}
