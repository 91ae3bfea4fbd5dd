/** Options that every serving command has, declared once. */
import type { Option } from 'commander';
import type { LogLevel } from '../core/service/log.ts';
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
