/** A process that logs and ends at once, for targets-crash.test.ts: `crash-run.ts FILE throw|exit`. */
import { openLogTargets } from '../../../../src/core/service/log/targets.ts';

const [path = '', how] = process.argv.slice(2);
const file = { path, maxBytes: 1e6, maxFiles: 2 };
const parts = { stdout: process.stdout, env: {}, appName: 'rtplat-test' };
const { logger } = await openLogTargets({ level: 'info', format: 'text', file, syslog: undefined }, parts);
setImmediate(() => {
  for (let i = 0; i < 100; i++) logger.info(`line ${i}`);
  if (how === 'exit') process.exit(3);
  throw new Error('the crash');
});
