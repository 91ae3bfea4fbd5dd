/** The types that values of a configuration have. */
import { isIP } from 'node:net';
import { TomlDate } from 'smol-toml';
import { parseNetwork } from '../../values/networks.ts';
import { wholeNumber } from '../../values/ports.ts';
import type { JsonSchema, Rejection, ValueType } from './schema.ts';
import { closest } from './suggest.ts';

const UNQUOTED = 'write it without quotes';
const QUOTED = 'write it in quotes';

export function integer(min: number, max: number): ValueType<number> {
  const expected = `a whole number from ${min} to ${max}`;
  const inside = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max;
  return {
    expected,
    read: (raw) => {
      if (typeof raw === 'number' && inside(raw)) return { value: raw };
      return rejection(expected, raw, typeof raw === 'string' && inside(wholeNumber(raw) ?? Number.NaN) ? UNQUOTED : '');
    },
    print: String,
    jsonSchema: { type: 'integer', minimum: min, maximum: max },
  };
}

/** 0 stands for any free port. */
export const port: ValueType<number> = integer(0, 65_535);

/** A number that may have a fraction. */
export function decimal(min: number, max: number): ValueType<number> {
  const expected = `a number from ${min} to ${max}`;
  return {
    expected,
    read: (raw) => (typeof raw === 'number' && raw >= min && raw <= max ? { value: raw } : rejection(expected, raw)),
    print: (value) => (Number.isInteger(value) && !String(value).includes('e') ? `${value}.0` : String(value)),
    jsonSchema: { type: 'number', minimum: min, maximum: max },
  };
}

export const yesOrNo: ValueType<boolean> = {
  expected: 'true or false',
  read: (raw) =>
    typeof raw === 'boolean' ? { value: raw } : rejection('true or false', raw, raw === 'true' || raw === 'false' ? UNQUOTED : ''),
  print: String,
  jsonSchema: { type: 'boolean' },
};

export interface TextOptions {
  /** `a host name`; `text` unless given. */
  readonly what?: string;
  /** In UTF-16 units; 4096 unless given. */
  readonly most?: number;
  /** @returns what is wrong with it, as a hint; undefined when nothing is. */
  readonly fault?: (text: string) => string | undefined;
}

/** Text of at least one character, without control characters: it goes into headers, file names and log lines. */
export function text(options: TextOptions = {}): ValueType<string> {
  const { what: expected = 'text', most = 4_096, fault } = options;
  return {
    expected,
    read: (raw) => {
      if (typeof raw !== 'string') return rejection(expected, raw, typeof raw === 'number' || typeof raw === 'boolean' ? QUOTED : '');
      if (raw.trim() === '') return rejection(expected, raw, 'leave the key away to have none');
      if (raw.length > most) return rejection(expected, raw, `at most ${most} characters`);
      if (hasControl(raw) || !raw.isWellFormed()) return rejection(expected, raw, 'without line breaks and control characters');
      const wrong = fault?.(raw);
      return wrong === undefined ? { value: raw } : rejection(expected, raw, wrong);
    },
    print: quoted,
    jsonSchema: { type: 'string', minLength: 1, maxLength: most },
  };
}

export const numericAddress: ValueType<string> = text({
  what: 'a numeric IPv4 or IPv6 address',
  most: 64,
  fault: (value) => (isIP(value) === 0 ? 'names are not looked up here' : undefined),
});

export const network: ValueType<string> = text({
  what: 'a numeric address, or a network such as "192.0.2.0/24"',
  most: 64,
  fault: (value) => (parseNetwork(value) === undefined ? 'it is neither' : undefined),
});

export function choice<const C extends string | number>(choices: readonly C[]): ValueType<C> {
  const print = (value: C): string => (typeof value === 'string' ? quoted(value) : String(value));
  const expected = choices.map(print).join(choices.length === 2 ? ' or ' : ', ');
  return {
    expected: choices.length > 2 ? `one of ${expected}` : expected,
    read: (raw) => {
      const value = choices.find((one) => one === raw);
      if (value !== undefined) return { value };
      if (choices.some((one) => typeof one === 'number' && String(one) === raw)) return rejection(expected, raw, UNQUOTED);
      const meant =
        typeof raw === 'string'
          ? closest(
              raw,
              choices.filter((one) => typeof one === 'string'),
            )
          : undefined;
      return rejection(choices.length > 2 ? `one of ${expected}` : expected, raw, meant === undefined ? '' : `did you mean "${meant}"?`);
    },
    print,
    jsonSchema: { enum: choices },
  };
}

/** A list in which nothing stands twice. One value alone stands for a list of it. */
export function listOf<V>(item: ValueType<V>, least: number, most: number, repeated: 'distinct' | 'repeated'): ValueType<readonly V[]> {
  const number = least === most ? `${least}` : `${least} to ${most}`;
  const expected = `a list of ${number}, each ${item.expected}`;
  const schema: JsonSchema = {
    type: 'array',
    items: item.jsonSchema,
    minItems: least,
    maxItems: most,
    ...(repeated === 'distinct' && { uniqueItems: true }),
  };
  return {
    expected,
    read: (raw) => {
      const given: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
      const values: V[] = [];
      for (const [index, element] of given.entries()) {
        const read = item.read(element);
        if (!('value' in read)) return Array.isArray(raw) ? { ...read, at: [index, ...read.at] } : { ...read, expected };
        if (repeated === 'distinct' && values.includes(read.value)) {
          return { ...rejection('named once', element, 'take one of them away'), at: [index] };
        }
        values.push(read.value);
      }
      return values.length < least || values.length > most ? rejection(expected, raw) : { value: values };
    },
    print: (values) => `[${values.map((value) => item.print(value)).join(', ')}]`,
    jsonSchema: least <= 1 ? { anyOf: [schema, item.jsonSchema] } : schema,
  };
}

function rejection(expected: string, raw: unknown, hint = ''): Rejection {
  return { expected, raw, hint, at: [] };
}

/** Without control characters, JSON's notation of text is TOML's. */
function quoted(value: string): string {
  return JSON.stringify(value);
}

function hasControl(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return true;
  }
  return false;
}

/** What a user wrote, as a message names it. */
export function shown(raw: unknown): string {
  if (Array.isArray(raw)) return raw.length === 0 ? 'an empty list' : `a list of ${raw.length}`;
  if (raw instanceof TomlDate) return 'a date';
  if (typeof raw === 'object') return 'a table';
  if (typeof raw === 'string') return raw.length > 60 ? `a text of ${raw.length} characters` : quoted(raw);
  return typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : `a ${typeof raw}`;
}
