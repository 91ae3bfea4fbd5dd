/** What is explored. */
import type { Scenario } from './world.ts';

export const SCENARIOS: readonly Scenario[] = [
  { name: 'one call', callers: 1, ports: 1, faults: 0 },
  { name: 'one call, one fault', callers: 1, ports: 1, faults: 1 },
  { name: 'a call that is up, one fault', callers: 1, up: 1, ports: 1, faults: 1 },
  { name: 'a call that is up, two faults', callers: 1, up: 1, ports: 1, faults: 2 },
  { name: 'two calls, one port', callers: 2, ports: 1, faults: 0 },
  { name: 'two calls, two ports', callers: 2, ports: 2, faults: 0 },
  { name: 'one up and one coming, one port, one fault', callers: 2, up: 1, ports: 1, faults: 1 },
];
