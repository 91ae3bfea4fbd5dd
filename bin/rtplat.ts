#!/usr/bin/env node
/**
 * The entry: refuses a Node that is too old, runs the program, sets the exit status. This file and the one that it imports
 * statically are parsed by whatever Node there is, so they keep to syntax of Node 12.
 */
import { VERSION } from '../src/version.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  const found = `this is ${process.versions.node} (${process.execPath})`;
  process.stderr.write(
    `rtplat needs Node 22.18 or newer; ${found}. Install a newer one, for example with "npm install --global node@24".\n`,
  );
  process.exitCode = 2;
} else if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  process.stdout.write(`${VERSION}\n`);
} else {
  void run();
}

async function run(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read our output has gone (`rtplat … | head`): there is nobody left to tell anything.
      if (error.code === 'EPIPE') process.exit();
      // A service's log has an eye on its stream, and a full disk behind it ends no calls.
      if (stream.listenerCount('error') === 1) throw error;
    });
  }
  const { main } = await import('../src/commands/main.ts');
  process.exitCode = await main(process.argv.slice(2));
}
