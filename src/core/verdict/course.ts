/** How the verdict on a call goes on: the first one within two seconds of the answer, its changes, and that of the whole call. Pure. */
import { DEADLINE_NS } from './rules.ts';
import { CALL_STATES, unknownBecause } from './verdict.ts';
import type { CallState, CallVerdict, Finding, VerdictChange } from './verdict.ts';

const MOST_CHANGES = 16;
const NS_PER_MS = 1e6;
/** What is torn for a tenth of a call is what the call was like. */
const ROBOTIC_PART = 0.1;
/** In these what was sent is heard. */
const HEARD: ReadonlySet<CallState> = new Set(['fine', 'clipped', 'robotic']);

interface Held {
  readonly finding: Finding;
  readonly sinceNs: number;
  readonly lastedNs: number;
}

export class VerdictCourse {
  readonly #answeredNs: number;
  readonly #held = new Map<CallState, Held>();
  readonly #changes: VerdictChange[] = [];
  #leftOut = 0;
  #firstNs: number | undefined;
  #current: Finding | undefined;
  #sinceNs: number;
  #lookedNs: number;
  #wasHeard = false;

  constructor(answeredNs: number) {
    this.#answeredNs = answeredNs;
    this.#lookedNs = answeredNs;
    this.#sinceNs = answeredNs;
  }

  /** What holds now; undefined before the first verdict. */
  get current(): Finding | undefined {
    return this.#current;
  }

  /** @param finding undefined when nothing can be said. Before the deadline only good news is believed: what is missing may be on its way. */
  look(nowNs: number, finding: Finding | undefined): void {
    const due = nowNs - this.#answeredNs >= DEADLINE_NS;
    if (this.#current === undefined && !due && finding?.state !== 'fine') return;
    const found = finding ?? this.#current ?? unknownBecause('too little has come to tell what it is');
    this.#hold(nowNs, found);
  }

  /** The verdict of the whole call. @param otherwise what is said when there never was one. */
  whole(otherwise: Finding): CallVerdict {
    const lastedNs = this.#lookedNs - this.#answeredNs;
    const counts = ([state, held]: readonly [CallState, Held]): boolean => state !== 'robotic' || held.lastedNs >= ROBOTIC_PART * lastedNs;
    const found = [...this.#held].filter(counts).toSorted(([a], [b]) => CALL_STATES.indexOf(a) - CALL_STATES.indexOf(b));
    const [severest] = found;
    const shared = {
      firstMs: this.#firstNs === undefined ? null : this.#msOf(this.#firstNs),
      changes: [...this.#changes],
      changesLeftOut: this.#leftOut,
    };
    if (severest === undefined) return { ...(this.#current ?? otherwise), sinceMs: this.#msOf(this.#sinceNs), ...shared };
    const [, { finding, sinceNs }] = severest;
    return { ...finding, sinceMs: this.#msOf(sinceNs), ...shared };
  }

  #hold(nowNs: number, found: Finding): void {
    const { state, direction } = found;
    this.#firstNs ??= nowNs;
    const before = this.#current;
    const held = this.#held.get(state);
    const passedNs = before?.state === state ? nowNs - this.#lookedNs : 0;
    // The first one is about all that was since the answer.
    const sinceNs = before === undefined ? this.#answeredNs : nowNs;
    if (before?.state !== state) this.#sinceNs = sinceNs;
    if (before?.state !== state || before.direction !== direction) this.#change({ atMs: this.#msOf(nowNs), state, direction });
    if (HEARD.has(state) && !this.#wasHeard) {
      // What was before is the beginning that was cut off.
      this.#wasHeard = true;
      this.#held.clear();
    }
    this.#held.set(state, { finding: found, sinceNs: held?.sinceNs ?? sinceNs, lastedNs: (held?.lastedNs ?? 0) + passedNs });
    this.#current = found;
    this.#lookedNs = nowNs;
  }

  #change(change: VerdictChange): void {
    if (this.#changes.length < MOST_CHANGES) this.#changes.push(change);
    else this.#leftOut += 1;
  }

  #msOf(atNs: number): number {
    return Math.round((atNs - this.#answeredNs) / NS_PER_MS);
  }
}
