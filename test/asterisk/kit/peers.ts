import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The programs that `scripts/peers.sh` provides. */
export type Peer =
  | 'asterisk-sid'
  | 'asterisk-bullseye'
  | 'sipp'
  | 'tshark'
  | 'dumpcap'
  | 'ip'
  | 'sox'
  | 'espeak-ng'
  | 'rsyslogd'
  | 'prometheus'
  | 'promtool'
  | 'victoria-metrics'
  | 'java'
  | 'xmllint';

/** Where `scripts/peers.sh` keeps them; the same rule as in that script. */
export function peersFolder(): string {
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return process.env['RTPLAT_PEERS'] || join(cache, 'rtplat', 'peers');
}

/** Path of a peer's program. Throws, with the remedy, when it has not been fetched: a missing peer fails a test, it never skips one. */
export function peer(name: Peer): string {
  return provided(join('bin', name));
}

/** Folder of the captures that SIPp's own scenarios play. */
export function sipCaptures(): string {
  return provided('sip-captures');
}

/** HdrHistogram's own library. */
export function hdrHistogram(): string {
  return provided('hdrhistogram.jar');
}

function provided(name: string): string {
  const path = join(peersFolder(), name);
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/peers.sh first`);
  return path;
}
