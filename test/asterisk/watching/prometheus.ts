import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { peer } from '../kit/peers.ts';
import { start, until } from '../kit/process.ts';

const PORT = 9099;

/** A number with its labels, as Prometheus answers. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A native histogram, as Prometheus answers. */
export interface NativeHistogram {
  readonly count: number;
  readonly sum: number;
  /** Which of its bounds belong to it, its bounds, how many values: as Prometheus writes them. */
  readonly buckets: readonly (readonly [number, string, string, string])[];
}

/** A real Prometheus; it ends with the test that started it. */
export interface Prometheus {
  /** The query at this instant. Rejects when Prometheus refuses it. */
  query(expression: string): Promise<readonly Sample[]>;
  /** Of what the query gives at this instant, the native histograms. */
  histograms(expression: string): Promise<readonly NativeHistogram[]>;
  /** Waits until every target of its configuration was scraped well; how many there are. */
  scraped(): Promise<number>;
}

interface QueryData {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>;
    /** There unless it is a histogram. */
    readonly value?: readonly [number, string];
    readonly histogram?: readonly [number, { readonly count: string; readonly sum: string; readonly buckets?: NativeHistogram['buckets'] }];
  }[];
}

/** @param dir an empty folder; what the configuration refers to may be there. */
export async function startPrometheus(dir: string, configuration: string): Promise<Prometheus> {
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'prometheus.yml');
  writeFileSync(file, configuration);
  const url = `http://127.0.0.1:${PORT}`;
  const args = [`--config.file=${file}`, `--storage.tsdb.path=${join(dir, 'data')}`, `--web.listen-address=127.0.0.1:${PORT}`];
  args.push('--enable-feature=native-histograms');
  const running = start(peer('prometheus'), args, join(dir, 'log'), { cwd: dir });
  onTestFinished(() => running.stop());
  let over = false;
  void running.ended.then(() => (over = true));
  await until('Prometheus ready', async () => (over || (await fetch(`${url}/-/ready`)).ok ? true : undefined));
  if (over) throw new Error(`Prometheus ended: ${running.output()}`);
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${url}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) });
    const { data, error } = (await response.json()) as { readonly data: T; readonly error?: string };
    if (error !== undefined) throw new Error(`${decodeURIComponent(path)}: ${error}`);
    return data;
  };
  const resultOf = async (expression: string): Promise<QueryData['result']> =>
    (await get<QueryData>(`query?query=${encodeURIComponent(expression)}`)).result;
  return {
    query: async (expression) =>
      (await resultOf(expression)).map(({ metric, value }) => ({ labels: metric, value: Number(value?.[1] ?? Number.NaN) })),
    histograms: async (expression) =>
      (await resultOf(expression)).flatMap(({ histogram }) => {
        if (histogram === undefined) return [];
        const { count, sum, buckets = [] } = histogram[1];
        return [{ count: Number(count), sum: Number(sum), buckets }];
      }),
    scraped: () =>
      until('every target scraped', async () => {
        const { activeTargets } = await get<{ activeTargets: readonly { health: string; lastError: string }[] }>('targets');
        const bad = activeTargets.find(({ health }) => health !== 'up');
        if (bad !== undefined) throw new Error(bad.lastError);
        return activeTargets.length === 0 ? undefined : activeTargets.length;
      }),
  };
}
