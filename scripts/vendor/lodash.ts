/** The fourteen functions of lodash that ari-client calls, as far as it calls them. */
type Collection<T> = readonly T[] | Readonly<Record<string, T>>;

export function each<T>(collection: Collection<T> | null | undefined, visit: (value: T, key: string | number) => unknown): void {
  if (collection === null || collection === undefined) return;
  if (isArray(collection)) {
    for (const [index, value] of collection.entries()) if (visit(value, index) === false) return;
    return;
  }
  for (const [key, value] of Object.entries(collection)) if (visit(value, key) === false) return;
}

export function find<T>(collection: Collection<T> | null | undefined, test: (value: T, key: string | number) => boolean): T | undefined {
  let found: T | undefined;
  each(collection, (value, key) => {
    if (!test(value, key)) return true;
    found = value;
    return false;
  });
  return found;
}

export function map<T, R>(collection: Collection<T> | null | undefined, change: (value: T) => R): R[] {
  const out: R[] = [];
  each(collection, (value) => {
    out.push(change(value));
  });
  return out;
}

export function filter<T>(collection: Collection<T> | null | undefined, test: (value: T) => boolean): T[] {
  const out: T[] = [];
  each(collection, (value) => {
    if (test(value)) out.push(value);
  });
  return out;
}

export function keys(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.keys(value) : [];
}

export function clone<T extends object>(value: T): T {
  return { ...value };
}

export function includes(list: readonly unknown[], value: unknown): boolean {
  return list.includes(value);
}

export function first<T>(list: ArrayLike<T>): T | undefined {
  return list[0];
}

export function last<T>(list: ArrayLike<T>): T | undefined {
  return list[list.length - 1];
}

export function toArray<T>(list: ArrayLike<T>): T[] {
  return Array.from(list);
}

export function isArray(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

export function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

export function isString(value: unknown): value is string {
  return typeof value === 'string';
}

export function once<A extends readonly unknown[]>(call: (...args: A) => void): (...args: A) => void {
  let called = false;
  return (...args) => {
    if (called) return;
    called = true;
    call(...args);
  };
}
