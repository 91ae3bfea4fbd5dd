/** The bars of a benchmark: what it promises, and whether it was kept. */

/** A shared, noisy machine is allowed this much more in the short form. */
const SHORT_FACTOR = 2;

export class Bars {
  readonly #short: boolean;
  readonly #failed: string[] = [];

  constructor(short: boolean) {
    this.#short = short;
  }

  /** @returns the verdict for a table: the bar, and whether it was kept. */
  atLeast(what: string, value: number, bar: number): string {
    return this.#check(what, value, `≥ ${bar}`, value >= bar, value >= bar / SHORT_FACTOR);
  }

  /** @param peer what the peer reached in the same rounds, where the machine decides most of it: then the short form compares with that. */
  atMost(what: string, value: number, bar: number, peer: number = 0): string {
    return this.#check(what, value, `≤ ${bar}`, value <= bar, value <= Math.max(bar, peer) * SHORT_FACTOR);
  }

  /** For a value that so short a run cannot judge: the full form only. */
  atMostInFull(what: string, value: number, bar: number): string {
    return this.#check(what, value, `≤ ${bar}`, value <= bar, true);
  }

  #check(what: string, value: number, bar: string, kept: boolean, nearly: boolean): string {
    if (!(this.#short ? nearly : kept)) this.#failed.push(`${what}: ${value.toPrecision(3)} is not ${bar}`);
    return `${bar} ${kept ? 'kept' : '**missed**'}`;
  }

  /** Prints what was missed, and sets status 3 when anything was. */
  conclude(): void {
    const form = this.#short ? ' by a factor of two' : '';
    for (const line of this.#failed) process.stdout.write(`MISSED${form}: ${line}\n`);
    if (this.#failed.length > 0) process.exitCode = 3;
  }
}
