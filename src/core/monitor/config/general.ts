/** `[monitor]`, `[webhook]`, `[http]`, `[logging]`: what is not about one service. */
import { HTTP_ACCESS } from '../../service/config/http-keys.ts';
import { key, optionalKey, table } from '../../service/config/schema.ts';
import type { Table } from '../../service/config/schema.ts';
import { choice, integer, numericAddress, port, text, yesOrNo } from '../../service/config/value-types.ts';
import type { LogLevel } from '../../service/log.ts';
import { httpUrl } from './values.ts';

export interface MonitorSection {
  readonly state_directory: string;
  readonly give_up: 'continue' | 'exit';
  readonly keep_running: boolean;
}

export const MONITOR: Table<MonitorSection> = table<MonitorSection>('The monitor itself.', {
  state_directory: key(text({ what: 'a folder' }), {
    default: 'rtplat-monitor',
    doc: 'Where it notes the processes that it has started, and which keeps a second monitor away; made when it is not there.',
  }),
  give_up: key(choice(['continue', 'exit']), {
    default: 'continue',
    doc: 'When one service is given up: go on with the others, or end with status 1. With none left it ends in any case.',
  }),
  keep_running: key(yesOrNo, {
    default: false,
    doc: 'Leave the services that it has started running when it is stopped; the next start finds them.',
  }),
});

export interface WebhookSection {
  readonly url?: string;
  readonly token_file?: string;
  readonly timeout_ms: number;
}

export const WEBHOOK: Table<WebhookSection> = table<WebhookSection>('Whom to tell when a service is given up: a POST of JSON.', {
  url: optionalKey(httpUrl, { example: 'https://alerts.example.org/hooks/rtplat', doc: 'Where to. Redirects are not followed.' }),
  token_file: optionalKey(text({ what: 'a file name' }), {
    example: '/etc/rtplat/webhook.token',
    doc: 'File whose first line is sent as Authorization: Bearer, or credential:NAME of systemd.',
  }),
  timeout_ms: key(integer(100, 60_000), { default: 5_000, doc: 'How long it may take, answer included.' }),
});

export interface HttpSection {
  readonly enable: boolean;
  readonly bind_address: string;
  readonly port: number;
  readonly token_file?: string;
  readonly open: boolean;
  readonly hosts: readonly string[];
}

export const HTTP: Table<HttpSection> = table<HttpSection>('The HTTP service of the monitor: /health, /metrics, /services.', {
  enable: key(yesOrNo, { default: true, doc: 'Serve HTTP.' }),
  bind_address: key(numericAddress, { default: '127.0.0.1', doc: 'Numeric address; one that other hosts reach wants a token.' }),
  port: key(port, { default: 9_091, doc: 'TCP port; 0 takes a free one.' }),
  ...HTTP_ACCESS,
});

export interface LoggingSection {
  readonly level: LogLevel;
  readonly format: 'text' | 'json';
}

export const LOGGING: Table<LoggingSection> = table<LoggingSection>(
  'Log lines of the monitor; --log-file and --syslog send them elsewhere too.',
  {
    level: key(choice(['debug', 'info', 'warn', 'error']), { default: 'info', doc: 'The least important lines to write.' }),
    format: key(choice(['text', 'json']), { default: 'text', doc: 'How lines are written.' }),
  },
);
