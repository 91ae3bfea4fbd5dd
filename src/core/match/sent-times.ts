/**
 * When what was sent left: the packets of one stream, each from a position on, which is counted in samples or bytes of everything
 * sent so far. Holds the last ones only; nothing is allocated after the constructor.
 */

export class SentTimes {
  readonly #starts: Float64Array;
  readonly #leftNs: Float64Array;
  #packets = 0;
  #end = 0;

  /** @param capacity packets remembered, a power of two. */
  constructor(capacity: number) {
    this.#starts = new Float64Array(capacity);
    this.#leftNs = new Float64Array(capacity);
  }

  /** The position of what is sent next. */
  get end(): number {
    return this.#end;
  }

  /** Packets sent so far: the number of the next one. */
  get packets(): number {
    return this.#packets;
  }

  sent(leftNs: number, count: number): void {
    const slot = this.#slot(this.#packets);
    this.#starts[slot] = this.#end;
    this.#leftNs[slot] = leftNs;
    this.#packets += 1;
    this.#end += count;
  }

  /** The number of the packet that `position` (not necessarily whole) was in; −1 when it was never sent, or is forgotten. */
  packetAt(position: number): number {
    if (this.#packets === 0 || position >= this.#end) return -1;
    let low = this.#oldest();
    let high = this.#packets - 1;
    if (position < this.startOf(low)) return -1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.startOf(middle) <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Of a packet that {@link packetAt} names. */
  startOf(packet: number): number {
    return this.#starts[this.#slot(packet)] as number;
  }

  leftNsOf(packet: number): number {
    return this.#leftNs[this.#slot(packet)] as number;
  }

  /** Replaces the time that a packet left at, where the true one is known later only (the kernel's). False when it is forgotten. */
  correct(packet: number, leftNs: number): boolean {
    if (packet < this.#oldest() || packet >= this.#packets) return false;
    this.#leftNs[this.#slot(packet)] = leftNs;
    return true;
  }

  #oldest(): number {
    return Math.max(0, this.#packets - this.#starts.length);
  }

  #slot(packet: number): number {
    return packet & (this.#starts.length - 1);
  }
}
