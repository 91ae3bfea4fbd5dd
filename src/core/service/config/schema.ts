/**
 * The description of a configuration: its tables and keys with types, bounds, defaults and documentation. Reading, printing, the JSON
 * Schema and the comparison of a reload all follow from it.
 *
 * The configuration itself is an interface whose members are named as in the file; the description is checked against it.
 */
import type { ConfigPath } from './problem.ts';

/** The type of one value, in TOML and in the program. */
export interface ValueType<V> {
  /** A noun with its bounds: `a whole number from 1 to 65535`. */
  readonly expected: string;
  /** @param raw what the parser made of the text. */
  read(raw: unknown): ValueReading<V>;
  /** As TOML. */
  print(value: V): string;
  readonly jsonSchema: JsonSchema;
}

export type ValueReading<V> = { readonly value: V } | Rejection;

export interface Rejection {
  readonly expected: string;
  readonly raw: unknown;
  /** Empty when `expected` says it. */
  readonly hint: string;
  /** Where it is inside of the value. */
  readonly at: ConfigPath;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** `optional` keys are absent where they are not set; `required` ones have no default. */
export type Presence = 'default' | 'optional' | 'required';

export interface Key<V, P extends Presence = Presence> {
  readonly kind: 'key';
  readonly presence: P;
  readonly type: ValueType<V>;
  /** undefined unless `presence` is `default`. */
  readonly default: V | undefined;
  /** What a user could write; the default where there is one. */
  readonly example: V;
  /** One sentence. */
  readonly doc: string;
  /** Whether a running service can take a new value. */
  readonly reloadable: boolean;
  /** Never shown. */
  readonly secret: boolean;
}

export interface Table<T> {
  readonly kind: 'table';
  readonly doc: string;
  readonly fields: Fields<T>;
}

/** Tables that may stand there any number of times: `[[route]]`. */
export interface TableList<T> {
  readonly kind: 'list';
  readonly doc: string;
  readonly fields: Fields<T>;
  readonly reloadable: boolean;
  /** TOML of a few of them, with their headers. */
  readonly example: string;
  /** What the keys of one of them demand of each other; paths start at the table. */
  readonly check: (element: T, report: Report) => void;
}

/** What member `K` of a configuration `T` is described by. */
export type FieldOf<T, K extends keyof T> =
  Partial<Pick<T, K>> extends Pick<T, K>
    ? Key<Exclude<T[K], undefined>, 'optional'>
    : T[K] extends readonly (infer E)[]
      ? [E] extends [object]
        ? TableList<E>
        : Key<T[K], 'default' | 'required'>
      : T[K] extends object
        ? Table<T[K]>
        : Key<T[K], 'default' | 'required'>;

export type Fields<T> = { readonly [K in keyof T]-?: FieldOf<T, K> };

export interface ConfigSchema<T> {
  /** What it is the configuration of: `rtplat sip-serve`. */
  readonly title: string;
  readonly fields: Fields<T>;
  /** What keys demand of each other. Runs once every key has a value. */
  readonly check: (config: T, report: Report) => void;
}

/**
 * Takes what a check has found. `paths` are the keys that it is about; it is told at the first of them that somebody has set, and not at
 * all when one of them was found wrong by itself.
 */
export interface Report {
  problem(paths: readonly [ConfigPath, ...ConfigPath[]], message: string, hint: string): void;
  warning(paths: readonly [ConfigPath, ...ConfigPath[]], message: string, hint: string): void;
}

interface KeyOptions {
  readonly doc: string;
  readonly reloadable?: boolean;
}

/** A key with a default. */
export function key<V>(type: ValueType<V>, options: KeyOptions & { readonly default: V }): Key<V, 'default'> {
  const { doc, reloadable = false, default: value } = options;
  return { kind: 'key', presence: 'default', type, default: value, example: value, doc, reloadable, secret: false };
}

export function requiredKey<V>(type: ValueType<V>, options: KeyOptions & { readonly example: V }): Key<V, 'required'> {
  const { doc, reloadable = false, example } = options;
  return { kind: 'key', presence: 'required', type, default: undefined, example, doc, reloadable, secret: false };
}

export function optionalKey<V>(
  type: ValueType<V>,
  options: KeyOptions & { readonly example: V; readonly secret?: boolean },
): Key<V, 'optional'> {
  const { doc, reloadable = false, secret = false, example } = options;
  return { kind: 'key', presence: 'optional', type, default: undefined, example, doc, reloadable, secret };
}

export function table<T>(doc: string, fields: Fields<T>): Table<T> {
  return { kind: 'table', doc, fields };
}

export function tableList<T>(options: Omit<TableList<T>, 'kind'>): TableList<T> {
  return { kind: 'list', ...options };
}

/** A description without the type that it describes, for what walks through all of it. */
export type AnyField = Key<unknown> | AnyTable | AnyTableList;
export type AnyFields = Readonly<Record<string, AnyField>>;

export interface AnyTable {
  readonly kind: 'table';
  readonly doc: string;
  readonly fields: AnyFields;
}

export interface AnyTableList {
  readonly kind: 'list';
  readonly doc: string;
  readonly fields: AnyFields;
  readonly reloadable: boolean;
  readonly example: string;
  readonly check: (element: unknown, report: Report) => void;
}

export function anyFields<T>(schema: ConfigSchema<T>): AnyFields {
  return schema.fields;
}

/** Keys before tables before lists of tables, as TOML needs them. */
export function inTomlOrder(fields: AnyFields): readonly (readonly [name: string, field: AnyField])[] {
  const rank = { key: 0, table: 1, list: 2 };
  return Object.entries(fields).toSorted(([, a], [, b]) => rank[a.kind] - rank[b.kind]);
}

/** The members of a configuration or of one of its tables. */
export function member(config: unknown, name: string): unknown {
  return (config as Readonly<Record<string, unknown>> | undefined)?.[name];
}
