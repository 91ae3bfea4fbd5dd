/**
 * Things that are due, earliest first: a binary heap whose items know their own place, so that one of them is moved or taken out in
 * O(log n) and none has a closure or a timer of the system. Items due at the same time come in no particular order.
 */
export interface Timed {
  /** When it is due, ms; the queue's own while the item is in it. */
  dueMs: number;
  /** Its place in the heap, −1 while it is in none; the queue's own. */
  queueIndex: number;
}

export class TimerQueue<T extends Timed> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the first item is due, ms; Infinity when there is none. */
  get dueMs(): number {
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** Puts the item in, or moves it; one that is due at Infinity is taken out. */
  schedule(item: T, dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) {
      this.cancel(item);
      return;
    }
    if (item.queueIndex < 0) {
      item.queueIndex = this.#heap.length;
      this.#heap.push(item);
    }
    item.dueMs = dueMs;
    this.#down(this.#up(item));
  }

  /** Takes the item out, if it is in. */
  cancel(item: T): void {
    const index = item.queueIndex;
    if (index < 0) return;
    item.queueIndex = -1;
    item.dueMs = Number.POSITIVE_INFINITY;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#heap[index] = last;
    last.queueIndex = index;
    this.#down(this.#up(last));
  }

  /** The first item that is due at `nowMs` or was before, taken out. */
  takeDue(nowMs: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    this.cancel(first);
    return first;
  }

  #up(item: T): T {
    const heap = this.#heap;
    let index = item.queueIndex;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above] as T;
      if (parent.dueMs <= item.dueMs) break;
      heap[index] = parent;
      parent.queueIndex = index;
      index = above;
    }
    heap[index] = item;
    item.queueIndex = index;
    return item;
  }

  #down(item: T): void {
    const heap = this.#heap;
    let index = item.queueIndex;
    for (;;) {
      let below = 2 * index + 1;
      let child = heap[below];
      if (child === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && right.dueMs < child.dueMs) {
        child = right;
        below += 1;
      }
      if (item.dueMs <= child.dueMs) break;
      heap[index] = child;
      child.queueIndex = index;
      index = below;
    }
    heap[index] = item;
    item.queueIndex = index;
  }
}
