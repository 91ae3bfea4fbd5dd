/** zlib's inflate with a bound: Node's own can be told how much may come out before it does the work. No state, no clock, no file. */
import { inflateSync } from 'node:zlib';

/** @throws RangeError when this is no zlib data, or more than `maxBytes` would come out of it. */
export function inflate(data: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new RangeError(`no zlib data of at most ${maxBytes} bytes`, { cause: error });
  }
}
