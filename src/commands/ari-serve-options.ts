/** The options of `rtplat ari-serve`. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { isApplicationName } from '../core/ari/ids.ts';
import type { EchoSocket } from '../core/relay/plane.ts';
import type { PortRange } from '../core/values/ports.ts';
import { ariOptions } from './ari-options.ts';
import type { AriCommandOptions } from './ari-options.ts';
import { httpOptions } from './http-options.ts';
import type { HttpCommandOptions } from './http-options.ts';
import { byteSize, durationNs, numericAddress, option, port, portRange } from './options.ts';
import { configOptions } from './option-config.ts';
import { outOption } from './out-file.ts';
import { engineOptions, logOptions, otlpOptions, servingOptions } from './service-options.ts';
import type { EngineCommandOptions, LogCommandOptions, OtlpCommandOptions, ServingCommandOptions } from './service-options.ts';

export interface AriServeOptions
  extends LogCommandOptions, ServingCommandOptions, EngineCommandOptions, OtlpCommandOptions, AriCommandOptions, HttpCommandOptions {
  readonly range: PortRange;
  readonly echoHost: string;
  readonly echoPort: number;
  readonly app: string;
  readonly bind: string;
  readonly advertise?: string;
  readonly format: string;
  readonly asteriskRange?: PortRange;
  readonly httpBind: string;
  readonly httpPort: number;
  readonly metricsInterval: number;
  readonly lossTimeout: number;
  readonly lateThreshold: number;
  readonly buffer: number;
  readonly echoSocket: EchoSocket;
  readonly out?: string;
}

export function ariServeOptions(): readonly Option[] {
  return [
    option('-r, --range <first-last>', 'UDP ports for calls, one each, inclusive', {
      parse: portRange,
      default: '10000-10100',
      env: 'PORT_RANGE',
    }),
    option('--echo-host <host>', 'where the echo server is', {
      default: '127.0.0.1',
      defaultShown: '127.0.0.1, or the address of --bind',
      env: 'ECHO_HOST',
    }),
    option('--echo-port <port>', 'UDP port of the echo server', { parse: port(), default: '4000', env: 'ECHO_PORT' }),
    ...ariOptions(),
    option('--app <name>', 'Stasis application, as in Stasis(rtplat) of the dialplan', {
      parse: appName,
      default: 'rtplat',
      env: 'APP_NAME',
    }),
    option('-b, --bind <address>', 'numeric address that the ports are bound to', {
      parse: numericAddress,
      default: '0.0.0.0',
      env: 'BIND_IP',
    }),
    option('--advertise <address>', 'address that Asterisk sends RTP to; without it the one of --bind, or the one that faces Asterisk', {
      parse: numericAddress,
      env: 'RTPLAT_ADVERTISE',
    }),
    option('--format <name>', 'audio format of the external leg, as Asterisk names it', {
      default: 'ulaw',
      choices: ['ulaw', 'alaw', 'g722'],
      env: 'RTPLAT_FORMAT',
    }),
    option('--asterisk-range <first-last>', "Asterisk's own RTP ports, for the warning about an overlap; without it Asterisk is asked", {
      parse: portRange,
      env: 'RTPLAT_ASTERISK_RANGE',
    }),
    option('--http-bind <address>', 'numeric address of the HTTP service', {
      parse: numericAddress,
      default: '127.0.0.1',
      env: 'RTPLAT_HTTP_BIND',
    }),
    option('--http-port <port>', 'TCP port of the HTTP service', { parse: port('zero-allowed'), default: '9090', env: 'SERVICE_PORT' }),
    ...httpOptions(),
    option('--metrics-interval <duration>', 'time between status lines, written when something changed; 0 for none', {
      parse: durationNs({ bareUnit: 's' }),
      default: '10s',
      env: 'METRICS_INTERVAL_SEC',
    }),
    option('--loss-timeout <duration>', 'an echo that takes longer counts as lost; up to 60s', {
      parse: lossTimeout,
      default: '2s',
      env: 'RTPLAT_LOSS_TIMEOUT',
    }),
    option('--late-threshold <duration>', 'a returned packet is late when it comes later than expected by more than this', {
      parse: durationNs(),
      default: '3ms',
      env: 'RTPLAT_LATE_THRESHOLD',
    }),
    option('--buffer <size>', 'receive and send buffer to ask the kernel for, each port', {
      parse: byteSize,
      default: '2MB',
      env: 'RTPLAT_BUFFER',
    }),
    option('--echo-socket <kind>', "how packets go to the echo: all calls from one shared port, quickest, or each from the call's own", {
      default: 'shared',
      choices: ['shared', 'per-call'],
      env: 'RTPLAT_ECHO_SOCKET',
    }),
    ...engineOptions(),
    ...otlpOptions(),
    outOption('write a run file when the service ends'),
    ...logOptions(),
    ...servingOptions(),
    ...configOptions(),
  ];
}

function appName(text: string): string {
  if (!isApplicationName(text)) throw new InvalidArgumentError('Not an application name: letters, digits, - and _, up to 64 of them.');
  return text;
}

function lossTimeout(text: string): number {
  const ns = durationNs({ atLeastNs: 1e6 })(text);
  if (ns > 60e9) throw new InvalidArgumentError('The histogram ends at 60s.');
  return ns;
}
