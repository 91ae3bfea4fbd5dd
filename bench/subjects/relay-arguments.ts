/** What the relay subjects are told on their command line. */
import { parseArgs } from 'node:util';
import { ENGINE_CHOICES } from '../../src/core/udp/choices.ts';
import type { EngineChoice } from '../../src/core/udp/choices.ts';
import { parseHostPort } from '../../src/core/values/address.ts';
import type { HostPort } from '../../src/core/values/address.ts';
import { parsePort, parsePortRange, wholeNumber } from '../../src/core/values/ports.ts';
import type { PortRange } from '../../src/core/values/ports.ts';

export interface RelayArguments {
  readonly calls: number;
  readonly range: PortRange;
  readonly echo: HostPort;
  /** The port of every caller. */
  readonly peerPort: number;
  readonly engine: EngineChoice;
}

/** @throws Error when one is missing or wrong. */
export function relayArguments(): RelayArguments {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '' },
      range: { type: 'string', default: '' },
      echo: { type: 'string', default: '' },
      'peer-port': { type: 'string', default: '' },
      engine: { type: 'string', default: 'auto' },
    },
  });
  const calls = wholeNumber(values.calls);
  const range = parsePortRange(values.range);
  const echo = parseHostPort(values.echo);
  const peerPort = parsePort(values['peer-port']);
  const engine = ENGINE_CHOICES.find((name) => name === values.engine);
  if (calls === undefined || range === undefined || echo === undefined || peerPort === undefined || engine === undefined) {
    throw new Error('wrong options; the head of the file says which there are');
  }
  return { calls, range, echo, peerPort, engine };
}

const FIRST_CALLER = 0x7f_01_00_00;

/** The address of the caller of call `i`. */
export function callerOf(i: number): string {
  const bits = FIRST_CALLER + i;
  return [bits >>> 24, (bits >>> 16) & 0xff, (bits >>> 8) & 0xff, bits & 0xff].join('.');
}
