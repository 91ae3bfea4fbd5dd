/**
 * `rtplat sip-serve` under load, beside SIPp's own server: what a call costs, what it takes of the memory, how punctual many tones
 * are, what the relay loses, and how long callers wait.
 *
 *     scripts/peers.sh && scripts/in-netns.sh node bench/sip.ts [--short] [--write] [--only load|held|tones|relayed|delays]
 *
 * The server, with all of its threads, has core 1, callers and receivers core 0; only the relay's phones, echo and callers share both.
 */
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { checkFiles } from './lib/files.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { delaysChart, delaysTable, measureDelays, storableDelays } from './sip/delays.ts';
import { heldTable, measureHeld } from './sip/held.ts';
import { loadChart, loadTable, measureLoad } from './sip/load.ts';
import { measureRelayed, relayedTable } from './sip/relayed.ts';
import { measureTones, tonesTable } from './sip/tones.ts';

const FULL = {
  load: { callsPerSecond: 1000, rounds: 3, seconds: 10, longSeconds: 60 },
  held: { first: 500, calls: 2000, waits: true },
  tones: { calls: 1000, callsPerSecond: 100, plateauSeconds: 20 },
  relayed: { calls: 250, seconds: 15 },
  delays: { callsPerSecond: 100, rounds: 3, seconds: 10 },
};
const SHORT: typeof FULL = {
  load: { callsPerSecond: 500, rounds: 2, seconds: 3, longSeconds: 5 },
  held: { first: 300, calls: 600, waits: false },
  tones: { calls: 300, callsPerSecond: 100, plateauSeconds: 6 },
  relayed: { calls: 50, seconds: 5 },
  delays: { callsPerSecond: 100, rounds: 2, seconds: 4 },
};
/** Two ports a held call, and some. */
const FILES = 6000;

await main(async () => {
  const { short, write, wants } = benchOptions(Object.keys(FULL));
  const machine = thisMachine();
  checkFiles(FILES);
  const form = short ? SHORT : FULL;
  const bars = new Bars(short);
  const tables: string[] = [];
  const charts: { readonly file: string; readonly alt: string; readonly svg: string }[] = [];
  const values: Record<string, unknown> = {};
  process.stdout.write(`${machineLine(machine)}\n`);
  const done = (name: string, table: string, value: unknown): void => {
    process.stdout.write(`\n${name}\n${table}\n`);
    tables.push(table);
    values[name] = value;
  };

  if (wants('load')) {
    const result = await measureLoad(form.load);
    done('load', loadTable(result, bars), { ...result, rounds: Object.fromEntries(result.rounds) });
    charts.push({ file: 'bench-sip.svg', alt: 'Bar chart: processor time of a call, of sip-serve and of SIPp', svg: loadChart(result) });
  }
  if (wants('held')) {
    const result = await measureHeld(form.held);
    done('held', heldTable(result, bars), result);
  }
  if (wants('tones')) {
    const result = await measureTones(form.tones);
    done('tones', tonesTable(result, bars), result);
  }
  if (wants('relayed')) {
    const result = await measureRelayed(form.relayed);
    done('relayed', relayedTable(result, bars), result);
  }
  if (wants('delays')) {
    const result = await measureDelays(form.delays);
    done('delays', delaysTable(result, bars), { form: form.delays, subjects: storableDelays(result) });
    charts.push({
      file: 'bench-sip-delays.svg',
      alt: 'Bar chart: what callers wait for 180 and for the answer to BYE',
      svg: delaysChart(result),
    });
  }
  const command = `scripts/in-netns.sh node bench/sip.ts${short ? ' --short' : ''}`;
  record('sip', { title: 'SIP server', command, machine, tables: tables.join('\n\n'), charts, values }, write);
  bars.conclude();
});
