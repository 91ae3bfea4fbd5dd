/** What this process takes of the host. */

const PERIOD_MS = 1_000;

export class ResourceUsage {
  #cpuPercent: number | null = null;
  #last = process.cpuUsage();
  #lastMs = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#measure(), PERIOD_MS);
    this.#timer.unref();
  }

  /** Of one core, over the last second; null before the first second is over. */
  get cpuPercent(): number | null {
    return this.#cpuPercent;
  }

  /** Resident memory; null when it cannot be asked for, which takes a file. */
  get memoryBytes(): number | null {
    try {
      return process.memoryUsage.rss();
    } catch {
      return null;
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #measure(): void {
    const now = process.cpuUsage();
    const nowMs = performance.now();
    const usedMicroseconds = now.user - this.#last.user + now.system - this.#last.system;
    this.#cpuPercent = usedMicroseconds / 10 / (nowMs - this.#lastMs);
    this.#last = now;
    this.#lastMs = nowMs;
  }
}
