/** The commander tree: one command a file, nothing here but what they share. */
import { Command } from 'commander';
import { escapeControl } from '../core/values/terminal.ts';
import { VERSION } from '../version.ts';
import { ariServeCommand } from './ari-serve.ts';
import { completionCommand } from './completion.ts';
import { demoCommand } from './demo.ts';
import { echoCommand } from './echo.ts';
import type { CommandIo } from './io.ts';
import { monitorCommand } from './monitor.ts';
import { probeCommand } from './probe.ts';
import { reportCommand } from './report.ts';
import { sipServeCommand } from './sip-serve.ts';
import { watchCommand } from './watch.ts';

const EXIT_STATUS = `
Exit status:
  0    done, and every bound held
  1    it failed: the network, Asterisk, a file
  2    wrong usage or configuration
  3    a bound or the baseline comparison was violated
  4    the measurement is not trustworthy: too few samples, sender too late, host too busy
  130  stopped by SIGINT, 143 by SIGTERM, before there was anything to report`;

export function createProgram(io: CommandIo): Command {
  const program = new Command('rtplat')
    .description('How long does RTP really take? Echo, relay, probe and report for voice over Asterisk.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    // Thrown, not ended: main() turns it into the status of the contract.
    .exitOverride()
    .showSuggestionAfterError(true)
    .configureOutput({ outputError: complaintsOf('rtplat') })
    .addHelpText(
      'after',
      `
Start here:
  $ rtplat demo                                   the whole system on loopback, nothing else needed
  $ rtplat echo --port 4000                       the far end: every datagram goes back
  $ rtplat probe udp://127.0.0.1:4000             measure a path
  $ rtplat ari-serve --range 10000-10100          measure every call of an Asterisk
  $ rtplat watch                                  its numbers, moving
  $ rtplat report --sla run.json                  a verdict
${EXIT_STATUS}`,
    );
  for (const make of [
    demoCommand,
    echoCommand,
    ariServeCommand,
    sipServeCommand,
    monitorCommand,
    probeCommand,
    reportCommand,
    watchCommand,
    completionCommand,
  ]) {
    program.addCommand(inherit(make(io), program));
  }
  return program;
}

type ErrorOutput = (text: string, write: (line: string) => void) => void;

/** Commander's complaint without its prefix, its suggestion on the same line, and where to look. @param name of the command, whole. */
function complaintsOf(name: string): ErrorOutput {
  return (text, write) => {
    const line = escapeControl(text.trim().replace('error: ', '').replaceAll('\n', ' ').replace(/\.$/, ''));
    write(`rtplat: ${line}${/^(unknown|too many)/.test(line) ? `; see ${name} --help` : ''}\n`);
  };
}

/** The settings that commander copies to subcommands only when they are made with `.command()`. */
function inherit(command: Command, program: Command): Command {
  return command
    .copyInheritedSettings(program)
    .showHelpAfterError(false)
    .configureOutput({ outputError: complaintsOf(`${program.name()} ${command.name()}`) });
}
