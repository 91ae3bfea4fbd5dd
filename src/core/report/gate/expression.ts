/**
 * A bound as a user writes it: `p99<20ms`, `packet_loss_ratio<=0.2%`, `call:p95<30ms`. It says what must hold.
 *
 *     bound    = [ scope ":" ] field operator number [ unit ]
 *     scope    = "all" / "run" / "call"              ; "all" unless given
 *     operator = "<" / "<=" / ">" / ">=" / "==" / "!="
 *     unit     = "us" / "ms" / "s" / "%"
 */
import { closest } from '../../service/config/suggest.ts';
import { leadingDecimal, parseDurationNs } from '../../values/duration.ts';
import { FIELD_NAMES, SCOPES, fieldNamed, standsIn } from './fields.ts';
import type { Field, Scope } from './fields.ts';

export const OPERATORS = ['<=', '>=', '==', '!=', '<', '>'] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Bound {
  /** Without blanks, as messages and documents name it. */
  readonly text: string;
  readonly scope: Scope;
  readonly field: Field;
  readonly operator: Operator;
  /** In the unit of the document: milliseconds, a fraction of 1, or a count. */
  readonly limit: number;
}

export interface BoundFault {
  /** Where in the text, from 1. */
  readonly column: number;
  readonly message: string;
  /** What to write. */
  readonly hint: string;
}

export type BoundReading = { readonly bound: Bound } | { readonly fault: BoundFault };

/** Longer texts are no bound. */
const LONGEST = 200;

export function parseBound(text: string): BoundReading {
  if (text.length > LONGEST) return fault(0, `a bound has at most ${LONGEST} characters`, EXAMPLE);
  const cursor = new Cursor(text);
  let at = cursor.blank();
  let name = cursor.word();
  cursor.blank();
  let scope: Scope = 'all';
  if (cursor.takes(':')) {
    const known = SCOPES.find((one) => one === name);
    if (known === undefined) {
      const meant = closest(name, SCOPES);
      return fault(at, `unknown scope ${quoted(name)}`, meant === undefined ? `there are ${SCOPES.join(', ')}` : `did you mean ${meant}:?`);
    }
    scope = known;
    at = cursor.blank();
    name = cursor.word();
  }
  if (name === '') return fault(at, text.trim() === '' ? 'there is nothing in it' : 'a field is missing', EXAMPLE);
  const field = fieldNamed(name);
  if (field === undefined) return fault(at, `unknown field ${quoted(name)}`, suggestion(name));
  if (!standsIn(field, scope)) {
    if (scope === 'call') return fault(at, `a call has no ${name}`, `write ${name} for all calls together`);
    return fault(at, `${name} is of a call`, `write call:${name} for each of them`);
  }
  at = cursor.blank();
  const operator = OPERATORS.find((one) => cursor.takes(one));
  if (operator === undefined) return fault(at, `expected one of < <= > >= == !=, ${cursor.found()}`, cursor.takes('=') ? 'write ==' : '');
  at = cursor.blank();
  const value = readValue(cursor.rest().trimEnd(), name, field);
  if ('message' in value) return fault(at + value.at, value.message, value.hint);
  const short = `${scope === 'all' ? '' : `${scope}:`}${name}${operator}${value.text}`;
  return { bound: { text: short, scope, field: value.field, operator, limit: value.limit } };
}

/** One line, without the text itself: `column 4: unknown field "q99" (did you mean p99?)`. */
export function describeFault({ column, message, hint }: BoundFault): string {
  return `column ${column}: ${message}${hint === '' ? '' : ` (${hint})`}`;
}

const EXAMPLE = 'a bound is written like p99<20ms';

type Value =
  | { readonly field: Field; readonly limit: number; readonly text: string }
  /** `at` counts from the value's beginning. */
  | { readonly at: number; readonly message: string; readonly hint: string };

function readValue(text: string, name: string, field: Field): Value {
  const digits = leadingDecimal(text);
  if (digits === '') {
    const message = text === '' ? 'a number is missing' : `expected a number, found ${quoted(text)}`;
    return { at: 0, message, hint: text.startsWith('-') ? 'nothing that is measured is below 0' : `write ${EXAMPLES[field.kind](name)}` };
  }
  const unit = text.slice(digits.length).trim();
  const number = Number(digits);
  const at = text.length - unit.length;
  const wrong = (message: string, hint = `write ${EXAMPLES[field.kind](name)}`): Value => ({ at: unit === '' ? 0 : at, message, hint });
  if (unit.includes(',')) return { at: at + unit.indexOf(','), message: 'a bound ends here', hint: 'the next one is one of its own' };
  // A percentage of packets is the ratio, a whole number of them the count.
  if (name === 'late' && unit === '%') return readValue(text, 'late_ratio', fieldNamed('late_ratio') ?? field);
  switch (field.kind) {
    case 'time':
    case 'peak':
    case 'duration': {
      if (unit === '' && number !== 0) return wrong(`${name} is a time and needs a unit`, `write ${name}<${digits}ms`);
      const ns = TIME_UNITS.has(unit) || unit === '' ? parseDurationNs(`${digits}${unit}`) : undefined;
      if (ns === undefined) return wrong(`${quoted(unit)} is no unit of a time`, 'us, ms and s are');
      return { field, limit: Math.round(ns) / 1e6, text: `${digits}${unit}` };
    }
    case 'ratio': {
      if (unit !== '' && unit !== '%') return wrong(`${quoted(unit)} is no unit of a ratio`);
      // As text: 0.7 / 100 is not the nearest double to 0.007.
      const limit = unit === '%' ? Number(`${digits}e-2`) : number;
      if (limit >= 1) {
        return wrong(`${name} is a fraction of 1, and ${digits}${unit} is all of it or more`, `write ${digits}% for ${digits} of 100`);
      }
      return { field, limit, text: `${digits}${unit}` };
    }
    case 'events':
    case 'amount':
      if (unit !== '')
        return wrong(`${name} is a count and has no unit`, unit === '%' && name === 'lost' ? 'loss is the ratio' : undefined);
      if (!Number.isSafeInteger(number)) {
        const ratio = name === 'late' ? `late<${digits}% is a ratio` : undefined;
        return wrong(`${name} is a count, and ${digits} is no whole number`, ratio);
      }
      return { field, limit: number, text: digits };
    case 'score':
      return unit === '' ? { field, limit: number, text: digits } : wrong(`${name} has no unit`);
  }
}

const TIME_UNITS: ReadonlySet<string> = new Set(['us', 'µs', 'ms', 's']);

const EXAMPLES: Readonly<Record<Field['kind'], (name: string) => string>> = {
  time: (name) => `${name}<20ms`,
  peak: (name) => `${name}<50ms`,
  duration: (name) => `call:${name}<200ms`,
  ratio: (name) => `${name}<0.2%`,
  events: (name) => `${name}<=10`,
  amount: (name) => `${name}>=10000`,
  score: (name) => `${name}>${name === 'mos' ? '4' : '80'}`,
};

function suggestion(name: string): string {
  const meant = closest(name, FIELD_NAMES);
  return meant === undefined
    ? `such as p50, p99, max, avg, loss, late, jitter, mos, r_factor, or any number of a run's summary`
    : `did you mean ${meant}?`;
}

function fault(at: number, message: string, hint: string): BoundReading {
  return { fault: { column: at + 1, message, hint } };
}

/** At most so much of what a user wrote. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Passes blanks over. @returns where it stands then. */
  blank(): number {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at += 1;
    return this.#at;
  }

  word(): string {
    const from = this.#at;
    while (isWordCharacter(this.#text[this.#at] ?? '')) this.#at += 1;
    return this.#text.slice(from, this.#at);
  }

  takes(token: string): boolean {
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }

  found(): string {
    return this.#at >= this.#text.length ? 'found the end' : `found ${quoted(this.rest().slice(0, 1))}`;
  }
}

function isWordCharacter(c: string): boolean {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c === '_' || c === '.' || c === '-';
}
