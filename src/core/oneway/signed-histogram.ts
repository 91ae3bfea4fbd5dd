/** A histogram of delays that may be below 0, by as much as two clocks are apart: one of those below, one of the others. */
import { LatencyHistogram } from '../stats/histogram.ts';

export class SignedHistogram {
  readonly #below = new LatencyHistogram();
  readonly #above = new LatencyHistogram();

  record(valueNs: number): void {
    if (valueNs < 0) this.#below.record(-valueNs);
    else this.#above.record(valueNs);
  }

  get count(): number {
    return this.#below.count + this.#above.count;
  }

  get minNs(): number | null {
    const least = this.#below.maxNs;
    return least === null ? this.#above.minNs : -least;
  }

  get maxNs(): number | null {
    const most = this.#above.maxNs;
    if (most !== null) return most;
    const nearest = this.#below.minNs;
    return nearest === null ? null : -nearest;
  }

  /** @returns the value at that rank, ns, to 3 digits; null when there is none. */
  quantileNs(quantile: number): number | null {
    const below = this.#below.count;
    const rank = Math.max(1, Math.ceil(quantile * this.count));
    if (this.count === 0) return null;
    if (rank > below) return this.#above.quantileNs((rank - below) / this.#above.count);
    // The rank from the other end: those farthest below 0 come first.
    const value = this.#below.quantileNs((below - rank + 1) / below);
    return value === null ? null : -value;
  }
}
