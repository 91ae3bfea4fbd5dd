/** SIPp as the callers' signalling, and their audio where it is asked for. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { peer } from '../../test/asterisk/kit/peers.ts';
import { start } from '../../test/asterisk/kit/process.ts';

export interface SippOptions {
  /** An empty folder for its scenario and logs. */
  readonly folder: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  /** Asterisk's SIP address, `127.0.0.1:5060`. */
  readonly target: string;
  /** Who sends the audio: SIPp by `rtp_stream`, or the program that has this port of 127.0.0.1. */
  readonly audio: 'rtp_stream' | number;
  /** Gets a line for each answered call: Asterisk's port for its audio. */
  readonly portsFile: string;
}

export interface Sipp {
  readonly pid: number;
  /** Resolves when every call was ended by the other side, as the scenario says. @throws Error when one was not, or SIPp failed. */
  readonly done: Promise<void>;
}

/** One second of silence in PCMU. */
const SILENCE = new Uint8Array(8000).fill(0xff);

export function startSipp({ folder, calls, callsPerSecond, target, audio, portsFile }: SippOptions): Sipp {
  const sound = path.join(folder, 'silence.pcmu');
  const scenario = path.join(folder, 'scenario.xml');
  const errors = path.join(folder, 'errors.log');
  const own = audio === 'rtp_stream';
  writeFileSync(sound, SILENCE);
  const template = readFileSync(new URL('scenario.xml', import.meta.url), 'utf8');
  const speak = `<nop><action><exec rtp_stream="${sound},-1,0" /></action></nop>`;
  writeFileSync(
    scenario,
    template.replace('m=audio PORT', `m=audio ${own ? '[rtpstream_audio_port]' : audio}`).replace('<!-- SPEAK -->', own ? speak : ''),
  );
  const args = [target, '-sf', scenario, '-s', '600', '-i', '127.0.0.1', '-mi', '127.0.0.1', '-nostdin'];
  args.push('-m', String(calls), '-r', String(callsPerSecond), '-l', String(calls));
  args.push('-trace_logs', '-log_file', portsFile, '-trace_err', '-error_file', errors);
  // A busy machine is no reason to give up.
  args.push('-watchdog_minor_maxtriggers', '1000000', '-watchdog_major_maxtriggers', '1000000');
  const running = start(peer('sipp'), args, path.join(folder, 'screen.log'), { cwd: folder, env: { TERM: 'dumb' } });
  const done = running.ended.then(({ code, signal }) => {
    if (code === 0) return;
    throw new Error(`sipp ended with ${code ?? signal}: ${said(errors)}${running.output().slice(-1000)}`);
  });
  // Whoever waits for something else meanwhile hears of it when asking.
  done.catch(() => undefined);
  return { pid: running.pid, done };
}

/** SIPp writes its errors to a file only when there are any. */
function said(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(-1000);
  } catch {
    return '';
  }
}
