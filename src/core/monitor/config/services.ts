/** `[[service]]`: what is watched, how it is looked at, and how it is started again. */
import { key, optionalKey, requiredKey, tableList } from '../../service/config/schema.ts';
import type { TableList } from '../../service/config/schema.ts';
import { choice, integer, listOf, text, yesOrNo } from '../../service/config/value-types.ts';
import { checkService } from './service-checks.ts';
import { environmentEntry, httpUrl, serviceName, unitName } from './values.ts';

export const SERVICE_KINDS = ['echo', 'ari-serve', 'sip-serve', 'other'] as const;
export type ServiceKind = (typeof SERVICE_KINDS)[number];

export const PROBES = ['none', 'echo', 'sip', 'http'] as const;
export type ProbeName = (typeof PROBES)[number];

export interface ServiceTable {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly command?: readonly string[];
  readonly directory?: string;
  readonly environment?: readonly string[];
  readonly output?: string;
  readonly systemd_unit?: string;
  readonly systemd_user: boolean;
  readonly pid_file?: string;
  readonly health_url?: string;
  readonly token_file?: string;
  readonly on_unhealthy: 'report' | 'restart';
  readonly probe?: ProbeName;
  readonly probe_target?: string;
  readonly interval_ms: number;
  readonly timeout_ms: number;
  readonly failures: number;
  readonly startup_ms: number;
  readonly stop_grace_ms: number;
  readonly restart_delay_ms: number;
  readonly restart_delay_max_ms: number;
  readonly max_attempts: number;
  readonly attempt_window_seconds: number;
  readonly stable_after_seconds: number;
}

export const SERVICES: TableList<ServiceTable> = tableList<ServiceTable>({
  doc: 'The services to watch.',
  reloadable: false,
  fields: {
    name: requiredKey(serviceName, { example: 'echo', doc: 'Its name in log lines and metrics; no two have the same.' }),
    kind: key(choice(SERVICE_KINDS), { default: 'other', doc: 'What it is; says how it is looked at unless health_url and probe do.' }),
    command: optionalKey(listOf(text(), 1, 256, 'repeated'), {
      example: ['rtplat', 'echo', '--port', '4000'],
      doc: 'Program and arguments that the monitor starts and ends, in a process group of its own. No shell.',
    }),
    directory: optionalKey(text({ what: 'a folder' }), {
      example: '/var/lib/rtplat',
      doc: 'Where the command runs; where the monitor does.',
    }),
    environment: optionalKey(listOf(environmentEntry, 0, 256, 'repeated'), {
      example: ['RTPLAT_WORKERS=2'],
      doc: "What the command's environment has besides the monitor's.",
    }),
    output: optionalKey(text({ what: 'a file name' }), {
      example: '/var/log/rtplat/echo.log',
      doc: "File that the command's output is appended to; without one it goes where the monitor's goes.",
    }),
    systemd_unit: optionalKey(unitName, {
      example: 'rtplat-echo.service',
      doc: 'Unit of systemd that is looked at with systemctl show, and restarted with systemctl restart.',
    }),
    systemd_user: key(yesOrNo, { default: false, doc: 'The unit is one of systemctl --user.' }),
    pid_file: optionalKey(text({ what: 'a file name' }), {
      example: '/run/rtplat/echo.pid',
      doc: 'File with its process id: is that process there, and still the same one?',
    }),
    health_url: optionalKey(httpUrl, {
      example: 'http://127.0.0.1:9090/health',
      doc: 'Its health endpoint; of ari-serve http://127.0.0.1:9090/health without it.',
    }),
    token_file: optionalKey(text({ what: 'a file name' }), {
      example: '/etc/rtplat/http.token',
      doc: 'File whose first line is sent to health_url, and by probe "http", as Authorization: Bearer; or credential:NAME of systemd.',
    }),
    on_unhealthy: key(choice(['report', 'restart']), {
      default: 'report',
      doc: 'What 503 of the health endpoint, with a reason, leads to: a line in the log (a restart would end its calls), or a restart.',
    }),
    probe: optionalKey(choice(PROBES), {
      example: 'echo',
      doc: 'What is sent end to end: an RTP packet that must come back unchanged, a SIP OPTIONS, an HTTP GET; by kind without it.',
    }),
    probe_target: optionalKey(text({ what: 'HOST:PORT or a URL', most: 2_048 }), {
      example: '127.0.0.1:4000',
      doc: 'Where to: HOST:PORT, of probe "http" a URL; without it 127.0.0.1:4000 of an echo and 127.0.0.1:5060 of sip-serve.',
    }),
    interval_ms: key(integer(50, 3_600_000), { default: 5_000, doc: 'From one look to the next.' }),
    timeout_ms: key(integer(10, 60_000), { default: 1_000, doc: 'How long an answer may take.' }),
    failures: key(integer(1, 100), { default: 3, doc: 'Looks in a row that must fail; a process that is not there fails at once.' }),
    startup_ms: key(integer(100, 3_600_000), { default: 10_000, doc: 'How long it may take from its start to its first answer.' }),
    stop_grace_ms: key(integer(50, 3_600_000), { default: 15_000, doc: 'From SIGTERM to SIGKILL when it is ended.' }),
    restart_delay_ms: key(integer(0, 3_600_000), {
      default: 1_000,
      doc: 'Before the first restart; doubled with each one that follows, and shortened at random by up to the half.',
    }),
    restart_delay_max_ms: key(integer(0, 86_400_000), { default: 60_000, doc: 'The longest that it grows to.' }),
    max_attempts: key(integer(0, 1_000), { default: 5, doc: 'Restarts within attempt_window_seconds; then it is given up.' }),
    attempt_window_seconds: key(integer(1, 604_800), { default: 300, doc: 'The time that max_attempts is about.' }),
    stable_after_seconds: key(integer(1, 604_800), {
      default: 60,
      doc: 'Healthy for so long without a failed look, it is restarted after restart_delay_ms again.',
    }),
  },
  example: `
[[service]]
name = "echo"
kind = "echo"
command = ["rtplat", "echo", "--port", "4000"]

[[service]]
name = "ari"
kind = "ari-serve"
systemd_unit = "rtplat-ari-serve.service"
`,
  check: checkService,
});
