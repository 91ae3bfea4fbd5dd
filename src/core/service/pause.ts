/** A pause that can be cut short. */
export class Pause {
  #wake: (() => void) | undefined;

  /** Settles after `ms`, or at {@link end}. */
  async wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  end(): void {
    this.#wake?.();
  }
}
