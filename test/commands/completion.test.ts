import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionCommand } from '../../src/commands/completion.ts';
import { capturedIo } from './captured-io.ts';

/** A program with everything a script must know: choices, files, free values, short flags, awkward descriptions. */
async function scriptFor(shell: string): Promise<string> {
  const io = capturedIo();
  const program = new Command('rtplat').version('1.0.0').exitOverride();
  program.addCommand(
    new Command('probe')
      .description("send RTP: it's [measured]")
      .argument('<target>', 'where to')
      .addOption(new Option('-p, --ptime <duration>', "time between packets, the codec's [20ms]"))
      .addOption(new Option('--out <file>', 'run file'))
      .addOption(new Option('--engine <name>', 'UDP engine').choices(['portable', 'batch']))
      .addOption(new Option('--json', 'print JSON'))
      .addOption(new Option('--secret', 'not shown').hideHelp()),
  );
  program.addCommand(new Command('report').description('show runs').argument('[source...]', 'run files'));
  program.addCommand(completionCommand(io));
  await program.parseAsync(['completion', shell], { from: 'user' });
  return io.out();
}

let directory = '';
let bashScript = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-completion-'));
  writeFileSync(join(directory, 'run one.json'), '');
  writeFileSync(join(directory, 'other.txt'), '');
  bashScript = join(directory, 'script.bash');
  writeFileSync(bashScript, await scriptFor('bash'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What bash offers with the cursor behind the last word. */
function complete(...words: string[]): string[] {
  const program = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rtplat; printf "%s\\n" "${COMPREPLY[@]}"';
  const out = execFileSync('bash', ['--norc', '-uc', program, 'bash', bashScript, 'rtplat', ...words], {
    cwd: directory,
    encoding: 'utf8',
  });
  return out.split('\n').filter((line) => line !== '');
}

describe('completion in bash', () => {
  it('offers the commands, and those that begin so', () => {
    expect(complete('')).toEqual(['probe', 'report', 'completion', 'help']);
    expect(complete('re')).toEqual(['report']);
    expect(complete('help', '')).toEqual(['probe', 'report', 'completion']);
  });

  it('offers the options of the command, and no hidden one', () => {
    expect(complete('probe', '--')).toEqual(['--ptime', '--out', '--engine', '--json', '--help']);
    expect(complete('probe', 'udp://h:1', '--o')).toEqual(['--out']);
    expect(complete('--v')).toEqual(['--version']);
  });

  it('offers the choices of an option, behind a blank and behind "="', () => {
    expect(complete('probe', '--engine', '')).toEqual(['portable', 'batch']);
    expect(complete('probe', '--engine', '=', 'b')).toEqual(['batch']);
    expect(complete('probe', '--engine', '=')).toEqual(['portable', 'batch']);
    expect(complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('offers files, with blanks in their names, where a path is wanted and only there', () => {
    expect(complete('probe', '--out', 'run')).toEqual(['run one.json']);
    expect(complete('report', '--', '').toSorted()).toContain('run one.json');
    expect(complete('report', 'o')).toEqual(['other.txt']);
    expect(complete('probe', '--ptime', '')).toEqual([]);
    expect(complete('probe', 'r')).toEqual([]);
  });

  it('is bound to the name of the program', () => {
    const out = execFileSync('bash', ['--norc', '-euc', 'source "$1"; complete -p rtplat', 'bash', bashScript], { encoding: 'utf8' });
    expect(out.trim()).toBe('complete -F _rtplat rtplat');
  });
});

describe('the scripts', () => {
  it.each(['bash', 'zsh', 'fish'])('for %s stand as they were tried in that shell', async (shell) => {
    await expect(await scriptFor(shell)).toMatchFileSnapshot(`__snapshots__/completion.${shell}`);
  });

  it('refuses another shell', async () => {
    const io = capturedIo();
    const command = completionCommand(io)
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    await expect(command.parseAsync(['tcsh'], { from: 'user' })).rejects.toMatchObject({ code: 'commander.invalidArgument' });
    expect(io.out()).toBe('');
  });
});
