/**
 * `npm run model [-- --short | NAME…]`: explores what is named, or everything, prints a line of JSON for each, and ends with status 1 when
 * something does not hold.
 */
import { explore } from './explore.ts';
import { SCENARIOS, SHORT } from './scenarios.ts';

/** More than any of them has. A search that comes to it says that it is not complete. */
const MOST_STATES = 2_000_000;

process.on('unhandledRejection', (error) => {
  process.stderr.write(`a failure that nobody handles: ${String(error)}\n`);
  process.exit(1);
});
const names = process.argv.slice(2).flatMap((name) => (name === '--short' ? SHORT : [name]));
const unknown = names.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0)
  throw new Error(`nothing is called ${unknown.join(', ')}; there are ${SCENARIOS.map(({ name }) => name).join('; ')}`);
for (const scenario of SCENARIOS) {
  if (names.length > 0 && !names.includes(scenario.name)) continue;
  const explored = await explore(scenario, MOST_STATES);
  process.stdout.write(`${JSON.stringify(explored)}\n`);
  if (explored.fault !== undefined || !explored.complete) process.exitCode = 1;
}
