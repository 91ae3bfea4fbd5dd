/** What a fuzz target is: a reader of bytes from elsewhere, where its inputs begin, and what must hold of every input. */
import type { SeededRandom } from '../../src/core/probe/random.ts';

export interface FuzzTarget {
  /** As on the command line, and the name of its folder in `corpus/`. */
  readonly name: string;
  /** Whose bytes these are, and what must hold besides the rules for all: one line for the table in docs/fuzzing.md. */
  readonly what: string;
  /** What is under test, below `src/core/`: files, or folders with a slash at the end. Their blocks are counted as its coverage. */
  readonly code: readonly string[];
  /** Inputs are never longer. */
  readonly mostBytes: number;
  /** Inputs in a full run. */
  readonly inputs: number;
  /** Inputs to begin with, besides the corpus. */
  seeds(random: SeededRandom): readonly Uint8Array[];
  /**
   * Feeds one input. Whatever it throws is a bug found; what the code under test may throw (`RtplatError`) is caught here.
   * State that stays from input to input must not grow.
   */
  check(input: Uint8Array): void | Promise<void>;
  /** Ends what the target started. */
  close?(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function bytesOf(...texts: readonly string[]): readonly Uint8Array[] {
  return texts.map((text) => encoder.encode(text));
}

/** As every reader of text in rtplat gets it: what is not UTF-8 is U+FFFD. */
export function textOf(input: Uint8Array): string {
  return decoder.decode(input);
}

/** @throws Error that says `what` is not so. */
export function must(condition: boolean, what: string, ...values: readonly unknown[]): asserts condition {
  if (!condition) throw new Error([what, ...values.map(shown)].join(' '));
}

function shown(value: unknown): string {
  return (JSON.stringify(value, (_, member: unknown) => (member instanceof Map ? [...member] : member)) ?? 'undefined').slice(0, 300);
}

/** Whether both would be written the same: numbers that are not finite differ from none. */
export function mustEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [shownWhole(actual), shownWhole(expected)];
  if (a !== b) throw new Error(`${what}: ${a.slice(0, 300)} is not ${b.slice(0, 300)}`);
}

function shownWhole(value: unknown): string {
  return (
    JSON.stringify(value, (_, member: unknown) => {
      if (member instanceof Map) return { map: [...member] };
      if (member instanceof Uint8Array) return { bytes: [...member] };
      if (typeof member === 'bigint' || (typeof member === 'number' && !Number.isFinite(member))) return `${typeof member} ${member}`;
      return member;
    }) ?? 'undefined'
  );
}

/** A text that goes to a log, a page or a terminal: it must be one line that moves no cursor. */
export function mustBeOneCleanLine(text: string, what: string): void {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    const breaks = code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    must(!breaks, `${what} has a control character at ${i}:`, text);
  }
}
