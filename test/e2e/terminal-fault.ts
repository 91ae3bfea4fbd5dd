/** A program that fails while the whole terminal is its own: `terminal-fault.ts throw|reject|exit`. */
import { Terminal } from '../../src/commands/watch-terminal.ts';

const terminal = new Terminal(process.stdout, process.stdin, { key: () => {}, redraw: () => {} });
terminal.enter();
terminal.draw(['on the screen']);
setTimeout(() => {
  if (process.argv[2] === 'exit') process.exit(7);
  if (process.argv[2] === 'reject') void Promise.reject(new Error('a fault'));
  else throw new Error('a fault');
}, 0);
