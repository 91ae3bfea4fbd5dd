/** The real C library, some of whose calls fail as a test wants: what a kernel, a sandbox or a full buffer would do. */
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';

export class FaultyLibc {
  readonly real: Libc = loadLibc();
  readonly libc: Libc;
  #errno = 0;
  readonly #memory: { readonly start: number; readonly words: Uint32Array }[] = [];

  /** @param replace the calls that are not the real ones. */
  constructor(replace: (faulty: FaultyLibc) => Partial<Libc>) {
    const { real } = this;
    this.libc = {
      ...real,
      errno: () => {
        const errno = this.#errno;
        this.#errno = 0;
        return errno === 0 ? real.errno() : errno;
      },
      addressOf: (bytes) => {
        const start = real.addressOf(bytes);
        const { buffer, byteOffset, byteLength } = bytes;
        this.#memory.push({ start, words: new Uint32Array(buffer, byteOffset, byteLength >>> 2) });
        return start;
      },
      ...replace(this),
    };
  }

  /** What a failing call returns. */
  fail(errno: number): number {
    this.#errno = errno;
    return -1;
  }

  /** The 32-bit word at an address that the engine handed to a call. */
  word(address: number): number {
    const { words, index } = this.#at(address);
    return words[index]!;
  }

  setWord(address: number, value: number): void {
    const { words, index } = this.#at(address);
    words[index] = value;
  }

  #at(address: number): { readonly words: Uint32Array; readonly index: number } {
    for (const { start, words } of this.#memory) {
      if (address >= start && address < start + words.byteLength) return { words, index: (address - start) >>> 2 };
    }
    throw new Error(`${address} lies in no buffer of the engine`);
  }
}
