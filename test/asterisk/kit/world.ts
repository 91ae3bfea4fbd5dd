import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Asterisk, type AsteriskOptions, type AsteriskRelease, startAsterisk } from './asterisk.ts';
import { until } from './process.ts';
import { startEcho, startService } from './rtplat.ts';
import type { EchoOptions, Service, ServiceOptions } from './rtplat.ts';
import { type Sipp, type SippOptions, startSipp } from './sipp.ts';

/** Both are tested: ARI differs between them. */
export const RELEASES: readonly AsteriskRelease[] = ['sid', 'bullseye'];

/** What one test plays with: an Asterisk of its own and what joins it, all gone when the test has finished. */
export interface World {
  readonly asterisk: Asterisk;
  /** A new folder below the test's. */
  folder(name: string): string;
  echo(options?: Partial<EchoOptions>): ReturnType<typeof startEcho>;
  service(options?: Partial<ServiceOptions>): Promise<Service>;
  callers(options: Omit<SippOptions, 'dir'>): Sipp;
  /** Waits until Asterisk has nothing of ours left: no bridge, no external channel, and nobody in the application. */
  cleared(): Promise<void>;
}

export async function startWorld(dir: string, options: Omit<AsteriskOptions, 'dir'>): Promise<World> {
  let made = 0;
  const folder = (name: string): string => {
    const path = join(dir, `${String(++made).padStart(2, '0')}-${name}`);
    mkdirSync(path);
    return path;
  };
  const asterisk = await startAsterisk({ ...options, dir: folder('asterisk') });
  onTestFinished(() => asterisk.stop());
  return {
    asterisk,
    folder,
    echo: (more) => startEcho({ dir: folder('echo'), ...more }),
    service: (more) => startService({ dir: folder('service'), ari: asterisk.ari, ...more }),
    callers: (more) => {
      const sipp = startSipp({ target: `${asterisk.bindIp}:${asterisk.sipPort}`, ...more, dir: folder('sipp') });
      onTestFinished(() => sipp.vanish());
      return sipp;
    },
    cleared: async () => {
      await until('nothing of ours left in Asterisk', async () => {
        const [channels, bridges] = await Promise.all([asterisk.ari.channels(), asterisk.ari.bridges()]);
        const left = [
          ...channels.filter(({ id, dialplan }) => id.startsWith('rtplat.') || dialplan.exten === '600').map(({ id }) => id),
          ...bridges.map(({ id }) => id),
        ];
        if (left.length > 0) throw new Error(`left: ${left.join(' ')}`);
        return true;
      });
    },
  };
}

/** Ends the calls from Asterisk's side: their callers get a BYE. */
export async function hangUpCallers(asterisk: Asterisk): Promise<void> {
  const channels = await asterisk.ari.channels();
  await Promise.all(
    channels.filter(({ name }) => name.startsWith('PJSIP/')).map(({ id }) => asterisk.ari.request('DELETE', `/channels/${id}`)),
  );
}

/** Numbers of a run that no test bounds, for whoever reads the log. */
export function note(text: string): void {
  console.info(`measured: ${text}`);
}

/** The q-quantile of a list, by nearest rank. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}
