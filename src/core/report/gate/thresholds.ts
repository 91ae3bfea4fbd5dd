/** Bounds from a TOML file: `bounds = ["p99<20ms", "loss<0.2%"]`. */
import { readConfig } from '../../service/config/read.ts';
import { inOrder } from '../../service/config/problem.ts';
import type { ConfigProblem } from '../../service/config/problem.ts';
import { requiredKey } from '../../service/config/schema.ts';
import type { ConfigSchema } from '../../service/config/schema.ts';
import { listOf, text } from '../../service/config/value-types.ts';
import { describeFault, parseBound } from './expression.ts';
import type { Bound } from './expression.ts';

interface Thresholds {
  readonly bounds: readonly string[];
}

const MOST_BOUNDS = 1_000;

const SCHEMA: ConfigSchema<Thresholds> = {
  title: 'rtplat report --thresholds',
  fields: {
    bounds: requiredKey(listOf(text({ what: 'a bound such as "p99<20ms"' }), 1, MOST_BOUNDS, 'distinct'), {
      doc: 'What must hold, one bound each.',
      example: ['p99<20ms', 'packet_loss_ratio<0.2%'],
    }),
  },
  check: ({ bounds }, report) => {
    for (const [index, bound] of bounds.entries()) {
      const read = parseBound(bound);
      if ('fault' in read) report.problem([['bounds', index]], `${JSON.stringify(bound)}: ${describeFault(read.fault)}`, '');
    }
  },
};

export interface ThresholdsReading {
  /** Empty when there are problems. */
  readonly bounds: readonly Bound[];
  /** All of them, in the order of the file. */
  readonly problems: readonly ConfigProblem[];
}

/** @param fileName as messages are to name it. */
export function readThresholds(toml: string, fileName: string): ThresholdsReading {
  const { config, problems, warnings } = readConfig(toml, fileName, SCHEMA);
  if (config === undefined) return { bounds: [], problems: inOrder([...problems, ...warnings]) };
  const bounds = config.bounds.flatMap((bound) => {
    const read = parseBound(bound);
    return 'bound' in read ? [read.bound] : [];
  });
  return { bounds, problems: [] };
}
