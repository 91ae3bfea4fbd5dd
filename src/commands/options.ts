/** Option parsers: text in, a value in the units of the code out, or a usage error that says what is wrong and what to write. */
import { isIP } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import { leadingDecimal, parseDurationNs } from '../core/values/duration.ts';
import { parsePort, parsePortRange, wholeNumber } from '../core/values/ports.ts';
import type { PortRange } from '../core/values/ports.ts';
import { parseByteSize } from '../core/values/size.ts';

/** A duration in nanoseconds. `bareUnit` is the unit of a number without one, for environment variables whose name holds it. */
export function durationNs(limits: { atLeastNs?: number; bareUnit?: 'ms' | 's' } = {}): (text: string) => number {
  return (text) => {
    const ns = parseDurationNs(text, limits.bareUnit);
    if (ns === undefined) throw new InvalidArgumentError('Not a duration: write a number with its unit, such as 20ms, 5s or 2m.');
    if (ns < (limits.atLeastNs ?? 0)) throw new InvalidArgumentError('The duration is too short.');
    return ns;
  };
}

export function port(zero: 'zero-allowed' | 'no-zero' = 'no-zero'): (text: string) => number {
  return (text) => {
    const value = parsePort(text, zero);
    if (value === undefined) throw new InvalidArgumentError(`Not a port: write a number from ${zero === 'no-zero' ? 1 : 0} to 65535.`);
    return value;
  };
}

export function portRange(text: string): PortRange {
  const range = parsePortRange(text);
  if (range === undefined) {
    throw new InvalidArgumentError('Not a port range: write FIRST-LAST, both from 1 to 65535 and the lower first, such as 10000-10100.');
  }
  return range;
}

export function byteSize(text: string): number {
  const bytes = parseByteSize(text);
  if (bytes === undefined || bytes <= 0)
    throw new InvalidArgumentError('Not a size: write bytes, or a number with its unit, such as 512kB or 2MB.');
  return bytes;
}

export function numericAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('Not a numeric IPv4 or IPv6 address.');
  return text;
}

/** A whole number from `min` to `max`. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (value === undefined || value < min || value > max) {
      throw new InvalidArgumentError(`Not a number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** A positive number that may have a fraction, such as a rate. */
export function positiveNumber(max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value <= 0 || value > max) throw new InvalidArgumentError(`Not a number above 0 and up to ${max}.`);
    return value;
  };
}

/** A part of a whole, `5%` or `0.05`, as a fraction of 1. */
export function fraction(text: string): number {
  const trimmed = text.trim();
  const isPercent = trimmed.endsWith('%');
  const digits = isPercent ? trimmed.slice(0, -1).trim() : trimmed;
  const value = leadingDecimal(digits) === digits && digits !== '' ? Number(isPercent ? `${digits}e-2` : digits) : Number.NaN;
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('Not a part of a whole: write 5% or 0.05, 100% at the most.');
  return value;
}

/**
 * One option the way all of rtplat declares them.
 *
 * @param value what commander's parser makes of the text; the default is given as text and goes through the same parser.
 */
export function option<T>(flags: string, description: string, settings: OptionSettings<T>): Option {
  const made = new DeclaredOption(flags, description, settings.defaultShown === undefined ? settings.default : undefined);
  if (settings.parse !== undefined) made.argParser(settings.parse);
  if (settings.default !== undefined) {
    const value: unknown = settings.parse === undefined ? settings.default : settings.parse(settings.default);
    made.default(value, settings.defaultShown ?? settings.default);
  }
  if (settings.choices !== undefined) made.choices(settings.choices);
  made.repeatable = settings.repeatable === true;
  if (settings.env !== undefined) made.env(settings.env);
  return made;
}

/** The text of a default, as somebody could write it; undefined where there is none, or where it says more than any text could. */
export function defaultTextOf(declared: Option): string | undefined {
  return declared instanceof DeclaredOption ? declared.defaultText : undefined;
}

/** Whether each use of the option adds to the ones before it, as commas in one value do. */
export function isRepeatable(declared: Option): boolean {
  return declared instanceof DeclaredOption && declared.repeatable;
}

class DeclaredOption extends Option {
  readonly defaultText: string | undefined;
  repeatable = false;

  constructor(flags: string, description: string, defaultText: string | undefined) {
    super(flags, description);
    this.defaultText = defaultText;
  }
}

/** Collects what an option that may be repeated is given. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

export interface OptionSettings<T> {
  readonly parse?: (text: string) => T;
  /** As a user would write it; the help shows it. */
  readonly default?: string;
  readonly defaultShown?: string;
  readonly env?: string;
  readonly choices?: readonly string[];
  /** The parser takes commas, and adds to what it is given as the value before. */
  readonly repeatable?: boolean;
}

/** Options that the help shows together, below a heading. */
export function grouped(heading: string, options: readonly Option[]): readonly Option[] {
  return options.map((each) => each.helpGroup(heading));
}
