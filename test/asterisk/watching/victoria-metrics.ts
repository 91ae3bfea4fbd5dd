import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { peer } from '../kit/peers.ts';
import { start, until } from '../kit/process.ts';

/** A series with the last of its values. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real VictoriaMetrics; it ends with the test that started it. */
export interface VictoriaMetrics {
  readonly url: string;
  /** All series of rtplat that it has so far. */
  series(): Promise<readonly Series[]>;
}

interface ExportedLine {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly number[];
}

export async function startVictoriaMetrics(dir: string): Promise<VictoriaMetrics> {
  const url = 'http://127.0.0.1:8428';
  const args = ['-httpListenAddr=127.0.0.1:8428', `-storageDataPath=${join(dir, 'data')}`];
  const running = start(peer('victoria-metrics'), args, join(dir, 'log'), { cwd: dir });
  onTestFinished(() => running.stop());
  let over = false;
  void running.ended.then(() => (over = true));
  await until('VictoriaMetrics ready', async () => (over || (await fetch(`${url}/health`)).ok ? true : undefined));
  if (over) throw new Error(`VictoriaMetrics ended: ${running.output()}`);
  return {
    url,
    series: async () => {
      await fetch(`${url}/internal/force_flush`);
      const text = await (await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent('{__name__=~"rtplat_.*"}')}`)).text();
      const lines = text.split('\n').filter((line) => line !== '');
      return lines.map((line) => {
        const { metric, values } = JSON.parse(line) as ExportedLine;
        return { labels: metric, value: values.at(-1) ?? Number.NaN };
      });
    },
  };
}
