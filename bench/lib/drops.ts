/** What the kernel dropped at a socket of this network namespace. */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { addressBytes, parseProcDrops, procKey } from '../../src/core/udp/proc-drops.ts';

/** Packets that the kernel dropped since a socket on a UDP port of 127.0.0.1 is open, its buffer being full. */
export function dropsAt(port: number): number {
  const drops = parseProcDrops(readFileSync('/proc/net/udp', 'latin1'));
  const address = addressBytes('127.0.0.1') ?? new Uint8Array();
  return drops.get(procKey(address, port, endianness())) ?? 0;
}
