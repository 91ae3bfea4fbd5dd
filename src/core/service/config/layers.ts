/** The places that a configuration is put together from: a file, then what stands above it. */
import type { TomlLines } from './locate.ts';
import type { ConfigPath } from './problem.ts';

/** A configuration of which any part may be missing; undefined is missing too. */
export type PartialConfig<T> = {
  readonly [K in keyof T]?: (T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? PartialConfig<T[K]> : T[K]) | undefined;
};

/** Values that stand above those of the file, and what gave them: `--port`, `RTPLAT_PORT`. */
export interface ConfigOverride<T> {
  readonly origin: string;
  readonly values: PartialConfig<T>;
}

/** One place. */
export interface Layer {
  /** File name or origin. */
  readonly source: string;
  readonly tree: unknown;
  /** undefined where there are no lines. */
  readonly lines: TomlLines | undefined;
}

export interface Place {
  readonly source: string;
  readonly line: number | undefined;
}

export function placeIn(layer: Layer, path: ConfigPath): Place {
  return { source: layer.source, line: layer.lines?.lineOf(path) };
}

/** Where `path` is set, by the strongest of the layers that set it. */
export function placeOf(layers: readonly Layer[], path: ConfigPath): Place | undefined {
  const layer = layers.findLast(({ tree }) => valueAt(tree, path) !== undefined);
  return layer === undefined ? undefined : placeIn(layer, path);
}

function valueAt(tree: unknown, path: ConfigPath): unknown {
  let value = tree;
  for (const part of path) {
    if (typeof part === 'number') value = Array.isArray(value) ? (value as readonly unknown[])[part] : undefined;
    else value = isTree(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  }
  return value;
}

/** A table, as the parser makes it, or an object of an override; not a list and not a date. */
export function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
