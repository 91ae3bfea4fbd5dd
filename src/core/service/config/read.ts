/**
 * A configuration from TOML and from what stands above it (environment, flags): every problem in one go, each with its place.
 */
import { isTree, placeIn, placeOf } from './layers.ts';
import type { ConfigOverride, Layer } from './layers.ts';
import { inOrder, keyName, tableName } from './problem.ts';
import type { ConfigPath, ConfigProblem } from './problem.ts';
import { anyFields } from './schema.ts';
import type { AnyField, AnyFields, AnyTableList, ConfigSchema, Key, Report } from './schema.ts';
import { closest } from './suggest.ts';
import { readToml } from './toml.ts';
import { shown } from './value-types.ts';

export interface ConfigReading<T> {
  /** undefined when there are problems. */
  readonly config: T | undefined;
  readonly problems: readonly ConfigProblem[];
  /** What works, and is most likely not what was meant. */
  readonly warnings: readonly ConfigProblem[];
  /** For {@link mergeConfig}. */
  readonly base: ConfigBase<T>;
}

interface ConfigBase<T> {
  readonly schema: ConfigSchema<T>;
  readonly layers: readonly Layer[];
  /** What is no TOML. */
  readonly faults: readonly ConfigProblem[];
  /** Whether all of the file was read; else what seems missing may stand in the rest. */
  readonly whole: boolean;
}

/** @param text of the file; an empty one has the defaults. `fileName` as messages are to name it. */
export function readConfig<T>(text: string, fileName: string, schema: ConfigSchema<T>): ConfigReading<T> {
  const { tree, lines, faults, whole } = readToml(text);
  return evaluate({
    schema,
    layers: [{ source: fileName, tree, lines }],
    faults: faults.map(({ line, message, hint }) => ({ source: fileName, line, message, hint })),
    whole,
  });
}

/** The configuration with `overrides` above it, each stronger than the one before; checked as a whole. */
export function mergeConfig<T>(base: ConfigReading<T>, overrides: readonly ConfigOverride<T>[]): ConfigReading<T> {
  const above = overrides.map(({ origin, values }): Layer => ({ source: origin, tree: values, lines: undefined }));
  return evaluate({ ...base.base, layers: [...base.base.layers, ...above] });
}

function evaluate<T>(base: ConfigBase<T>): ConfigReading<T> {
  const { schema, layers, whole } = base;
  const reader = new Reader(base, anyFields(schema));
  const config = reader.table(
    reader.fields,
    layers.map((layer) => ({ layer, value: layer.tree })),
    [],
  ) as T;
  if (whole) schema.check(config, reader.report([]));
  const problems = inOrder(reader.problems);
  return { config: problems.length === 0 ? config : undefined, problems, warnings: inOrder(reader.warnings), base };
}

/** What one layer says of one place of the document. */
interface Given {
  readonly layer: Layer;
  readonly value: unknown;
}

class Reader {
  readonly fields: AnyFields;
  readonly problems: ConfigProblem[];
  readonly warnings: ConfigProblem[] = [];
  readonly #layers: readonly Layer[];
  readonly #faults: readonly ConfigProblem[];
  readonly #whole: boolean;
  /** Keys that are wrong by themselves, or missing. They have a value for the checks, but nothing is said of it. */
  readonly #broken = new Set<string>();

  constructor({ layers, faults, whole }: Omit<ConfigBase<unknown>, 'schema'>, fields: AnyFields) {
    this.#layers = layers;
    this.#faults = faults;
    this.#whole = whole;
    this.fields = fields;
    this.problems = [...faults];
  }

  /** @param givens in rising strength. */
  table(fields: AnyFields, givens: readonly Given[], path: ConfigPath): Readonly<Record<string, unknown>> {
    const tables = givens.filter((given) => this.#isTable(given, path));
    for (const { layer, value } of tables) this.#refuseUnknown(fields, layer, value, path);
    const result: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) {
      const inner = tables
        .map(({ layer, value }): Given => ({ layer, value: isTree(value) && Object.hasOwn(value, name) ? value[name] : undefined }))
        .filter(({ value }) => value !== undefined);
      const value = this.#field(field, inner, [...path, name]);
      if (value !== undefined) result[name] = value;
    }
    return result;
  }

  report(under: ConfigPath): Report {
    const tell = (into: ConfigProblem[], paths: readonly ConfigPath[], message: string, hint: string): void => {
      const full = paths.map((path) => [...under, ...path]);
      if (full.some((path) => this.#broken.has(id(path)))) return;
      const set = full.map((path) => placeOf(this.#layers, path)).find((place) => place !== undefined);
      const place = set ?? placeOf(this.#layers, under) ?? { source: 'defaults', line: undefined };
      into.push({ ...place, message, hint });
    };
    return {
      problem: (paths, message, hint) => tell(this.problems, paths, message, hint),
      warning: (paths, message, hint) => tell(this.warnings, paths, message, hint),
    };
  }

  #field(field: AnyField, givens: readonly Given[], path: ConfigPath): unknown {
    switch (field.kind) {
      case 'key':
        return this.#key(field, givens, path);
      case 'table':
        return this.table(field.fields, givens, path);
      case 'list':
        return this.#list(field, givens, path);
    }
  }

  #key(key: Key<unknown>, givens: readonly Given[], path: ConfigPath): unknown {
    let value = key.default;
    // All of them are read: a value that something above it hides is wrong all the same.
    for (const { layer, value: raw } of givens) {
      const read = key.type.read(raw);
      if ('value' in read) {
        value = read.value;
        continue;
      }
      const got = key.secret ? '' : `, not ${shown(read.raw)}`;
      const example = key.presence === 'default' && !key.secret ? `such as ${path.at(-1)} = ${key.type.print(key.example)}` : '';
      const where = [...path, ...read.at];
      this.#broken.add(id(path));
      this.#problem(layer, where, `${keyName(path)} must be ${read.expected}${got}`, read.hint === '' ? example : read.hint);
    }
    if (value !== undefined || key.presence === 'optional') return value;
    if (givens.length === 0 && this.#whole && !this.#broken.has(id(path.slice(0, -1)))) this.#missing(key, path);
    this.#broken.add(id(path));
    return key.example;
  }

  #missing(key: Key<unknown>, path: ConfigPath): void {
    const around = path.slice(0, -1);
    const place = placeOf(this.#layers, around) ?? { source: this.#layers[0]?.source ?? 'defaults', line: undefined };
    const message = `${tableName(around)} has no "${path.at(-1)}"`;
    this.problems.push({ ...place, message, hint: `such as ${path.at(-1)} = ${key.type.print(key.example)}` });
  }

  /** The strongest layer's list is the list; those below it are only looked through for problems. */
  #list(list: AnyTableList, givens: readonly Given[], path: ConfigPath): readonly unknown[] {
    let elements: readonly unknown[] = [];
    for (const { layer, value } of givens) {
      if (!Array.isArray(value)) {
        const name = keyName(path);
        this.#problem(layer, path, `[${name}] is a list of tables`, `write [[${name}]], once for each`);
        continue;
      }
      elements = (value as readonly unknown[]).map((element, index) => this.#element(list, { layer, value: element }, [...path, index]));
    }
    return elements;
  }

  #element(list: AnyTableList, given: Given, path: ConfigPath): unknown {
    const element = this.table(list.fields, [given], path);
    if (this.#whole) list.check(element, this.report(path));
    return element;
  }

  #isTable({ layer, value }: Given, path: ConfigPath): boolean {
    if (isTree(value)) return true;
    this.#broken.add(id(path));
    this.#problem(layer, path, `${keyName(path)} is a table, not ${shown(value)}`, `write ${tableName(path)} and its keys below`);
    return false;
  }

  #refuseUnknown(fields: AnyFields, layer: Layer, value: unknown, path: ConfigPath): void {
    if (!isTree(value)) return;
    for (const [name, given] of Object.entries(value)) {
      if (Object.hasOwn(fields, name)) continue;
      const isTable = isTree(given) || (Array.isArray(given) && given.length > 0 && given.every(isTree));
      const what = isTable
        ? `unknown table ${tableName([...path, name])}`
        : `unknown key "${name}" ${path.length === 0 ? 'at' : 'in'} ${tableName(path)}`;
      this.#problem(layer, [...path, name], what, this.#suggest(fields, name));
    }
  }

  /** The place of that very name, else a similar name of the same table, else what there is. */
  #suggest(fields: AnyFields, name: string): string {
    const home = homeOf(this.fields, name, []);
    const meant = closest(name, Object.keys(fields));
    if (home !== undefined) return `it belongs into ${tableName(home)}`;
    return meant === undefined ? `it has ${Object.keys(fields).join(', ')}` : `did you mean "${meant}"?`;
  }

  #problem(layer: Layer, path: ConfigPath, message: string, hint: string): void {
    const place = placeIn(layer, path);
    // A line that is no TOML has been told.
    if (this.#faults.some(({ source, line }) => source === place.source && line === place.line)) return;
    this.problems.push({ ...place, message, hint });
  }
}

/** The table, not inside of a list, that has a field of that name. */
function homeOf(fields: AnyFields, name: string, path: ConfigPath): ConfigPath | undefined {
  if (Object.hasOwn(fields, name)) return path;
  for (const [inner, field] of Object.entries(fields)) {
    const found = field.kind === 'table' ? homeOf(field.fields, name, [...path, inner]) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function id(path: ConfigPath): string {
  return JSON.stringify(path);
}
