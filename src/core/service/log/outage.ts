/** Tells once that a target has stopped working, and once that it works again, with the number of lines that were lost. */
import { countOfLines } from './target.ts';
import type { Note } from './target.ts';

/** What becomes of lines until a target works again. */
const WAIT = 'lines wait in memory until it works, and are lost when there are too many';
export const LOSE = 'lines are lost until it works';

export class Outage {
  readonly #name: string;
  readonly #note: Note;
  #on = false;
  #lost = 0;

  /** @param name of the target, as a message begins with it: `Log file logs/x.log`. */
  constructor(name: string, note: Note) {
    this.#name = name;
    this.#note = note;
  }

  get on(): boolean {
    return this.#on;
  }

  /** @param reason what came back. Told when the target worked until now. */
  begins(reason: string, consequence: string = WAIT): void {
    if (this.#on) return;
    this.#on = true;
    this.#note(`${this.#name}: ${reason}; ${consequence}`);
  }

  lost(lines: number): void {
    this.#lost += lines;
  }

  /** The target works. */
  ends(): void {
    if (!this.#on) return;
    this.#on = false;
    this.#note(`${this.#name} works again; ${this.#lost === 0 ? 'no line was' : this.#verb()} lost`);
    this.#lost = 0;
  }

  /** The target is closed. @param waiting lines that it never took. */
  closes(waiting: number): void {
    this.#lost += waiting;
    if (this.#lost > 0) this.#note(`${this.#name}: ${this.#verb()} lost`);
    this.#on = false;
    this.#lost = 0;
  }

  #verb(): string {
    return `${countOfLines(this.#lost)} ${this.#lost === 1 ? 'was' : 'were'}`;
  }
}
