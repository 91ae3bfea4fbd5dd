/** Lines that wait for a target, bounded in bytes. */

export interface Batch {
  /** The lines, one behind the other. */
  readonly text: string;
  readonly lines: number;
}

export class LineQueue {
  readonly #most: number;
  #lines: string[] = [];
  #sizes: number[] = [];
  /** Of the oldest line that waits; those before it are gone. */
  #head = 0;
  #bytes = 0;

  /** @param most bytes of UTF-8 that may wait. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Lines that wait. */
  get length(): number {
    return this.#lines.length - this.#head;
  }

  /** Bytes of the oldest line; 0 when none waits. */
  get firstBytes(): number {
    return this.#sizes[this.#head] ?? 0;
  }

  /** @returns false where there is no room for it. */
  push(line: string): boolean {
    const size = Buffer.byteLength(line);
    if (this.#bytes + size > this.#most) return false;
    this.#lines.push(line);
    this.#sizes.push(size);
    this.#bytes += size;
    return true;
  }

  /** The oldest line, which stays. */
  peek(): string | undefined {
    return this.#lines[this.#head];
  }

  /** Takes the oldest lines that fit into `most` bytes, and one at least. */
  take(most: number): Batch {
    const from = this.#head;
    let bytes = 0;
    do {
      bytes += this.#sizes[this.#head] ?? 0;
      this.#head += 1;
    } while (this.#head < this.#lines.length && bytes + (this.#sizes[this.#head] ?? 0) <= most);
    this.#bytes -= bytes;
    const batch = { text: this.#lines.slice(from, this.#head).join(''), lines: this.#head - from };
    if (this.#head === this.#lines.length) this.#reset();
    else if (this.#head > 1_024) this.#compact();
    return batch;
  }

  #reset(): void {
    this.#lines = [];
    this.#sizes = [];
    this.#head = 0;
  }

  #compact(): void {
    this.#lines = this.#lines.slice(this.#head);
    this.#sizes = this.#sizes.slice(this.#head);
    this.#head = 0;
  }
}
