/** Tells something at an interval that may change, and only when it is not what was told last. */
import type { LogFields, Logger } from './log.ts';

export interface Status {
  readonly text: string;
  readonly fields: LogFields;
}

export class StatusTimer {
  readonly #log: Logger;
  readonly #status: () => Status;
  #timer: NodeJS.Timeout | undefined;
  #seconds = 0;
  #told = '';

  constructor(log: Logger, status: () => Status) {
    this.#log = log;
    this.#status = status;
  }

  /** @param seconds between lines; 0 for none. What is now counts as told. */
  every(seconds: number): void {
    if (seconds === this.#seconds) return;
    if (this.#seconds === 0) this.#told = this.#status().text;
    this.stop();
    this.#seconds = seconds;
    if (seconds > 0) this.#timer = setInterval(() => this.#tell(), seconds * 1_000).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#seconds = 0;
  }

  #tell(): void {
    const { text, fields } = this.#status();
    if (text === this.#told) return;
    this.#told = text;
    this.#log.info(text, fields);
  }
}
