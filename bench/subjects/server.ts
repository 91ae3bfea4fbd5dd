/** The servers of bench/peers that choose their own port. */
import { compile } from '../lib/peers.ts';
import { start } from '../lib/process.ts';
import type { Running } from '../lib/process.ts';

export interface Server {
  readonly running: Running;
  readonly port: number;
}

/** Starts bench/peers/NAME.c, whose ready line ends with `listening on` and the port of 127.0.0.1 that it has. */
export async function startServer(name: string, args: readonly (string | number)[], cpu: readonly number[]): Promise<Server> {
  const running = await start(compile(name), args.map(String), { cpu, readyLine: / listening on \d+$/ });
  return { running, port: Number(running.lines()[0]?.split(' ').at(-1)) };
}
