/** Inputs made of inputs: bits, bytes, numbers, lines, words and pieces of others. All by the seed of the random numbers. */
import type { SeededRandom } from '../../../src/core/probe/random.ts';

export interface Material {
  /** Inputs that others are made of; one at least. */
  readonly corpus: readonly Uint8Array[];
  /** Texts that the code under test knows. */
  readonly words: readonly string[];
  readonly mostBytes: number;
}

type Mutator = (input: Uint8Array, random: SeededRandom, material: Material) => Uint8Array;

const LF = 0x0a;
const EDGES_8 = [0, 1, 9, 10, 13, 0x20, 0x22, 0x3a, 0x3b, 0x5c, 0x7f, 0x80, 0xc0, 0xff] as const;
const EDGES_32 = [
  0, 1, 2, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
] as const;
const NUMBERS = [
  ...['0', '-1', '1', '2', '00', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295', '4294967296'],
  ...['9007199254740993', '18446744073709551616', '99999999999999999999999', '1e308', '1e999', '-0', '0.1', '1e-7', '0x10', 'NaN', ''],
] as const;
const TEXTS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  '\u001B[2J',
  '\u2028',
  '\u202E',
  '\u00E9',
  '\uFEFF',
  '%00',
  '"',
  "'",
  '\\',
  '<',
  '>',
  '&',
  '{',
  '}',
  '[',
  ']',
] as const;
const MOST_REPEATS = 512;

const encoder = new TextEncoder();

export function below(random: SeededRandom, count: number): number {
  return count <= 0 ? 0 : random.uint32() % count;
}

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[below(random, list.length)] as T;
}

/** One to some mutations of one of the inputs: mostly few. */
export function mutated(random: SeededRandom, material: Material): Uint8Array {
  let input = pick(random, material.corpus);
  let rounds = 1;
  while (rounds < 16 && (random.uint32() & 1) === 1) rounds += 1;
  for (let round = 0; round < rounds; round += 1) {
    input = pick(random, MUTATORS)(input, random, material);
    if (input.length > material.mostBytes) input = input.slice(0, material.mostBytes);
  }
  return input;
}

/** A place in the input and a length from there, mostly short. */
function range(input: Uint8Array, random: SeededRandom): readonly [from: number, to: number] {
  const from = below(random, input.length + 1);
  const most = random.uint32() % 4 === 0 ? input.length : 16;
  return [from, Math.min(input.length, from + 1 + below(random, most))];
}

/** `input` with `[from, to)` replaced. */
function spliced(input: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array {
  const out = new Uint8Array(input.length - (to - from) + put.length);
  out.set(input.subarray(0, from));
  out.set(put, from);
  out.set(input.subarray(to), from + put.length);
  return out;
}

function changed(input: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = input.slice();
  if (copy.length > 0) change(copy);
  return copy;
}

function number(input: Uint8Array, random: SeededRandom, next: (old: number) => number): Uint8Array {
  return changed(input, (copy) => {
    const bytes = pick(random, [2, 4, 4, 8]);
    if (copy.length < bytes) return;
    const at = below(random, copy.length - bytes + 1);
    const view = new DataView(copy.buffer, copy.byteOffset);
    const little = (random.uint32() & 1) === 1;
    if (bytes === 2) view.setUint16(at, next(view.getUint16(at, little)), little);
    else view.setUint32(bytes === 8 && !little ? at + 4 : at, next(view.getUint32(at, little)), little);
  });
}

/** Where a line begins and where the next one does. */
function line(input: Uint8Array, random: SeededRandom): readonly [from: number, to: number] {
  const at = below(random, input.length + 1);
  const from = at === 0 ? 0 : input.lastIndexOf(LF, at - 1) + 1;
  const end = input.indexOf(LF, at);
  return [from, end === -1 ? input.length : end + 1];
}

/** Digits in a row, from a random place on. */
function digits(input: Uint8Array, random: SeededRandom): readonly [from: number, to: number] | undefined {
  let from = below(random, input.length);
  const isDigit = (at: number): boolean => (input[at] ?? 0) >= 0x30 && (input[at] ?? 0) <= 0x39;
  while (from < input.length && !isDigit(from)) from += 1;
  if (from >= input.length) return undefined;
  let to = from;
  while (isDigit(to)) to += 1;
  return [from, to];
}

function word(random: SeededRandom, { words }: Material): Uint8Array {
  return encoder.encode(words.length > 0 && random.uint32() % 4 !== 0 ? pick(random, words) : pick(random, TEXTS));
}

const MUTATORS: readonly Mutator[] = [
  (input, random) => changed(input, (copy) => void (copy[below(random, copy.length)]! ^= 1 << below(random, 8))),
  (input, random) => changed(input, (copy) => void (copy[below(random, copy.length)] = random.uint32())),
  (input, random) => changed(input, (copy) => void (copy[below(random, copy.length)] = pick(random, EDGES_8))),
  (input, random) => changed(input, (copy) => void (copy[below(random, copy.length)]! += below(random, 17) - 8)),
  (input, random) => number(input, random, () => pick(random, EDGES_32)),
  (input, random) => number(input, random, (old) => old + below(random, 33) - 16),
  (input, random) => number(input, random, () => input.length + below(random, 9) - 4),
  // A piece goes, comes twice, comes often, moves.
  (input, random) => spliced(input, ...range(input, random), new Uint8Array(0)),
  (input, random) => {
    const [from, to] = range(input, random);
    return spliced(input, from, from, input.subarray(from, to));
  },
  (input, random, { mostBytes }) => {
    if (random.uint32() % 4 !== 0) return input;
    const [from, to] = range(input, random);
    const times = Math.min(1 + below(random, MOST_REPEATS), Math.floor(mostBytes / Math.max(1, to - from)));
    const piece = new Uint8Array((to - from) * times);
    for (let i = 0; i < times; i += 1) piece.set(input.subarray(from, to), i * (to - from));
    return spliced(input, from, to, piece);
  },
  (input, random) => {
    const [from, to] = range(input, random);
    const without = spliced(input, from, to, new Uint8Array(0));
    const at = below(random, without.length + 1);
    return spliced(without, at, at, input.slice(from, to));
  },
  (input, random) => input.slice(0, below(random, input.length + 1)),
  (input, random) => {
    const at = below(random, input.length + 1);
    return spliced(
      input,
      at,
      at,
      Uint8Array.from({ length: 1 + below(random, 8) }, () => random.uint32()),
    );
  },
  // Words and numbers of text.
  (input, random, material) => {
    const at = below(random, input.length + 1);
    return spliced(input, at, at, word(random, material));
  },
  (input, random, material) => spliced(input, ...range(input, random), word(random, material)),
  (input, random) => {
    const found = digits(input, random);
    return found === undefined ? input : spliced(input, ...found, encoder.encode(pick(random, NUMBERS)));
  },
  // Lines.
  (input, random) => spliced(input, ...line(input, random), new Uint8Array(0)),
  (input, random) => {
    const [from, to] = line(input, random);
    return spliced(input, from, from, input.subarray(from, to));
  },
  (input, random, { corpus }) => {
    const other = pick(random, corpus);
    const [at] = line(input, random);
    return spliced(input, at, at, other.subarray(...line(other, random)));
  },
  // Two of them.
  (input, random, { corpus }) => {
    const other = pick(random, corpus);
    return spliced(input, below(random, input.length + 1), input.length, other.subarray(below(random, other.length + 1)));
  },
  (input, random, { corpus }) => {
    const other = pick(random, corpus);
    return spliced(input, ...range(input, random), other.subarray(...range(other, random)));
  },
];
