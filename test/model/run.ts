/** `npm run model`: explores what is named, or everything, and says how much that was. Exit status 1 at the first fault. */
import { explore } from './explore.ts';
import { SCENARIOS } from './scenarios.ts';

const [most = '1000000', ...names] = process.argv.slice(2);
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled: ${String(error)}\n`);
  process.exit(1);
});
let status = 0;
for (const scenario of SCENARIOS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const explored = await explore(scenario, Number(most));
  process.stdout.write(`${JSON.stringify(explored)}\n`);
  if (explored.fault !== undefined) status = 1;
}
process.exitCode = status;
