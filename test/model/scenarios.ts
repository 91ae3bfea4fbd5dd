/** What is explored: all ways of a few calls, with as many accidents of some kinds as are named. */
import { FAULT_KINDS } from './world.ts';
import type { Scenario } from './world.ts';

/** Everything that can go wrong, one at a time: together they are all states with one fault. */
const oneCallOneFault = FAULT_KINDS.map((kind): Scenario => ({ name: `one call, ${kind}`, callers: 1, ports: 1, faults: 1, only: [kind] }));

export const SCENARIOS: readonly Scenario[] = [
  { name: 'one call', callers: 1, ports: 1, faults: 0 },
  { name: 'a call that is up, one fault', callers: 1, up: 1, ports: 1, faults: 1 },
  ...oneCallOneFault,
  { name: 'one up and one coming, one port', callers: 2, up: 1, ports: 1, faults: 0 },
  { name: 'one up and one coming, two ports', callers: 2, up: 1, ports: 2, faults: 0 },
];

/** What the unit tests explore. */
export const SHORT: readonly string[] = ['one call', 'a call that is up, one fault'];
