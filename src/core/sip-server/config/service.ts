/** `[metrics]`, `[health]`, `[logging]`: what the service tells. */
import { key, optionalKey, table } from '../../service/config/schema.ts';
import type { Table } from '../../service/config/schema.ts';
import { choice, integer, numericAddress, port, text, yesOrNo } from '../../service/config/value-types.ts';
import type { LogFormat, LogLevel } from '../../service/log.ts';
import { parseOtlpUrl } from '../../service/otlp/url.ts';
import { HTTP_ACCESS } from '../../service/config/http-keys.ts';
import { parseSyslogDestination, SYSLOG_FACILITIES } from '../../service/log/syslog-settings.ts';
import type { SyslogFacility } from '../../service/log/syslog-settings.ts';

export interface MetricsSection {
  readonly status_interval_seconds: number;
  readonly sla: boolean;
  readonly call_records_file?: string;
  readonly run_file?: string;
  readonly otlp_url?: string;
  readonly otlp_interval_seconds: number;
  readonly otlp_headers_file?: string;
}

const otlpUrl = text({
  what: 'an address such as "http://collector:4318"',
  fault: (value) => (parseOtlpUrl(value) === undefined ? 'http or https, without credentials' : undefined),
});

export const METRICS: Table<MetricsSection> = table<MetricsSection>('What is measured; HTTP is in [health].', {
  status_interval_seconds: key(integer(0, 86_400), {
    default: 10,
    reloadable: true,
    doc: 'Time between status lines, written when something changed; 0 for none.',
  }),
  sla: key(yesOrNo, { default: true, reloadable: true, doc: 'Answer GET /sla with the service-level verdict of the relayed calls.' }),
  call_records_file: optionalKey(text({ what: 'a file name' }), {
    example: '/var/log/rtplat/calls.jsonl',
    doc: 'File that gets a line of JSON for each call that has ended.',
  }),
  run_file: optionalKey(text({ what: 'a file name' }), {
    example: 'sip-serve.run.json',
    doc: 'Run file of the relayed calls, written when the service ends.',
  }),
  otlp_url: optionalKey(otlpUrl, {
    example: 'http://collector:4318',
    doc: 'OpenTelemetry receiver (OTLP over HTTP) that metrics are pushed to.',
  }),
  otlp_interval_seconds: key(integer(1, 3_600), { default: 30, doc: 'Time between two pushes.' }),
  otlp_headers_file: optionalKey(text({ what: 'a file name' }), {
    example: '/etc/rtplat/otlp.headers',
    doc: 'HTTP headers to push with, one a line, as in Authorization: Bearer TOKEN.',
  }),
});

export interface HealthSection {
  readonly enable_health_check: boolean;
  readonly bind_address: string;
  readonly health_check_port: number;
  readonly token_file?: string;
  readonly open: boolean;
  readonly hosts: readonly string[];
  readonly health_check_interval_seconds: number;
  readonly restart_on_failure: boolean;
  readonly max_restart_attempts: number;
}

export const HEALTH: Table<HealthSection> = table<HealthSection>(
  'The HTTP service: a page at /, and /health, /metrics, /channels, /sla, /events.',
  {
    enable_health_check: key(yesOrNo, { default: true, doc: 'Serve HTTP.' }),
    bind_address: key(numericAddress, { default: '127.0.0.1', doc: 'Numeric address; one that other hosts reach wants a token.' }),
    health_check_port: key(port, { default: 8_080, doc: 'TCP port; 0 takes a free one.' }),
    ...HTTP_ACCESS,
    health_check_interval_seconds: key(integer(1, 86_400), { default: 30, doc: 'Time between the self-checks.' }),
    restart_on_failure: key(yesOrNo, {
      default: true,
      doc: 'Start the media or the relay thread again when it has failed; its calls end.',
    }),
    max_restart_attempts: key(integer(0, 1_000), {
      default: 3,
      doc: 'Attempts in a row, until the thread was up for a minute; then the service ends with status 1.',
    }),
  },
);

export interface LoggingSection {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly enable_file_logging: boolean;
  readonly file: string;
  readonly max_log_size_mb: number;
  readonly max_log_files: number;
  readonly enable_syslog: boolean;
  readonly syslog: string;
  readonly syslog_facility: SyslogFacility;
}

const syslog = text({
  what: '"local", "unix:///PATH", "udp://HOST:PORT" or "tcp://HOST:PORT"',
  most: 512,
  fault: (value) => (parseSyslogDestination(value) === undefined ? 'for example "udp://loghost.example.org"' : undefined),
});

export const LOGGING: Table<LoggingSection> = table<LoggingSection>('Log lines; those of standard output are always written.', {
  level: key(choice(['debug', 'info', 'warn', 'error']), { default: 'info', reloadable: true, doc: 'The least important lines to write.' }),
  format: key(choice(['text', 'json']), { default: 'text', reloadable: true, doc: 'How lines are written.' }),
  enable_file_logging: key(yesOrNo, { default: true, doc: 'Write them to a file too.' }),
  file: key(text({ what: 'a file name' }), {
    default: 'logs/sip-serve.log',
    doc: 'That file, from the working directory; folders that are missing are made.',
  }),
  max_log_size_mb: key(integer(1, 100_000), { default: 100, doc: 'Size at which a new file is begun, in megabytes of 2^20 bytes.' }),
  max_log_files: key(integer(1, 1_000), { default: 10, doc: 'Files that are kept, the present one included.' }),
  enable_syslog: key(yesOrNo, { default: true, doc: 'Send them to syslog.' }),
  syslog: key(syslog, {
    default: 'local',
    doc: 'Where it is: the syslog of this host, if there is one; another socket of this host; a receiver on the network, port 514 unless named.',
  }),
  syslog_facility: key(choice(SYSLOG_FACILITIES), { default: 'daemon', doc: 'Facility that lines have in syslog.' }),
});
