/** The 48-bit index of SRTP packets, which only the receiver's guess completes (RFC 3711 §3.3.1), and the list of those that came (§3.3.2). Pure. */

/** Packets behind the latest one that are told from a replay: 20 s of 20 ms. §3.3.2 asks for 64 at least. */
const WINDOW = 1_024;
const MOST = 2 ** 48;

export class PacketIndexes {
  /** Bit i modulo the window: whether index i has come. */
  readonly #came = new Uint32Array(WINDOW / 32);
  #highest = -1;

  /** @returns the index that is nearest to the latest one of those with this sequence number; the number itself before there is one. */
  guess(sequence: number): number {
    if (this.#highest < 0) return sequence;
    const ahead = ((sequence - (this.#highest % 65_536)) << 16) >> 16;
    return this.#highest + ahead;
  }

  /** Whether a packet of that index may be new: it has not come, and is not too old to tell. */
  isFresh(index: number): boolean {
    if (index < 0 || index >= MOST || index <= this.#highest - WINDOW) return false;
    return index > this.#highest || !this.#has(index);
  }

  /** A packet of that index came that is authentic. */
  accept(index: number): void {
    if (index > this.#highest) {
      const first = Math.max(this.#highest + 1, index - WINDOW + 1);
      for (let passed = first; passed < index; passed++) this.#mark(passed, false);
      this.#highest = index;
    }
    this.#mark(index, true);
  }

  #mark(index: number, came: boolean): void {
    const word = wordOf(index);
    const others = (this.#came[word] as number) & ~bitOf(index);
    this.#came[word] = came ? others | bitOf(index) : others;
  }

  #has(index: number): boolean {
    return ((this.#came[wordOf(index)] as number) & bitOf(index)) !== 0;
  }
}

function wordOf(index: number): number {
  return (index % WINDOW) >>> 5;
}

function bitOf(index: number): number {
  return 1 << (index % 32);
}
