/** dumpcap on both sides of a path, whichever namespace they are in. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { datagrams } from '../../test/asterisk/kit/capture.ts';
import type { Datagram } from '../../test/asterisk/kit/capture.ts';
import { peer } from '../../test/asterisk/kit/peers.ts';
import { start } from '../lib/process.ts';

export interface Witness {
  /** Ends it. @throws Error when it missed a packet: such a capture is no judge. */
  end(): Promise<readonly Datagram[]>;
}

/** What the kernel has captured reaches dumpcap within so long. */
const FLUSH_MS = 1_000;

/** @param through words that run what follows them where the devices are. */
export async function witness(file: string, devices: readonly string[], through: readonly string[] = []): Promise<Witness> {
  const options = ['-q', ...devices.flatMap((device) => ['-i', device, '-f', 'udp', '-B', '16']), '-w', file];
  // It says everything on standard error.
  const [command, ...args] = [...through, 'sh', '-c', 'exec "$@" 2>&1', 'sh', peer('dumpcap'), ...options] as const;
  const running = await start(command ?? 'sh', args, { readyLine: /^File:/ });
  return {
    end: async () => {
      await delay(FLUSH_MS);
      const said = await running.stop('SIGINT');
      const counts = [...said.matchAll(/received\/dropped on interface '.*': \d+\/(\d+)/g)].map(([, dropped]) => Number(dropped));
      if (counts.length !== devices.length || counts.some((dropped) => dropped > 0))
        throw new Error(`dumpcap missed packets on ${path.basename(file)}: ${said.trim()}`);
      return datagrams(file, 'udp');
    },
  };
}
