/** Options that every serving command has, declared once. */
import type { Option } from 'commander';
import type { LogLevel } from '../core/service/log.ts';
import { ENGINE_CHOICES } from '../core/udp/choices.ts';
import type { EngineChoice } from '../core/udp/choices.ts';
import { option } from './options.ts';

export interface LogCommandOptions {
  readonly logFormat: 'text' | 'json';
  readonly logLevel: LogLevel;
}

export function logOptions(): readonly Option[] {
  return [
    option('--log-format <format>', 'how log lines and the final report are written', {
      default: 'text',
      choices: ['text', 'json'],
      env: 'RTPLAT_LOG_FORMAT',
    }),
    option('--log-level <level>', 'the least important lines to write', {
      default: 'info',
      choices: ['debug', 'info', 'warn', 'error'],
      env: 'RTPLAT_LOG_LEVEL',
    }),
  ];
}

export interface EngineCommandOptions {
  readonly engine: EngineChoice;
  readonly busyPoll?: true;
}

export function engineOption(): Option {
  return option(
    '--engine <name>',
    'what moves the packets: batch (Linux: recvmmsg, sendmmsg, kernel timestamps), portable (node:dgram), or the best',
    {
      default: 'auto',
      choices: [...ENGINE_CHOICES],
      env: 'RTPLAT_ENGINE',
    },
  );
}

export function engineOptions(): readonly Option[] {
  return [
    engineOption(),
    option('--busy-poll', 'batch engine: never sleep; burns a core to save the microseconds of waking up', { env: 'RTPLAT_BUSY_POLL' }),
  ];
}

/** Said where `--busy-poll` was asked for in vain. */
export const BUSY_POLL_IDLE = 'Warning: --busy-poll does nothing on the portable engine';
