/** Values that are there at once in a thread that blocks in the kernel, where no promise ever continues, and later on an event loop. */

/** Goes on at once with what is there, and later with what is not. */
export function andThen<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? later(value, next) : next(value);
}

async function later<T, R>(value: Promise<T>, next: (value: T) => R | Promise<R>): Promise<R> {
  return next(await value);
}

/** Tells how a promise ended. */
export async function settle<T>(value: Promise<T>, done: (value: T) => void, failed: (error: unknown) => void): Promise<void> {
  let result: T;
  try {
    result = await value;
  } catch (error) {
    return failed(error);
  }
  done(result);
}
