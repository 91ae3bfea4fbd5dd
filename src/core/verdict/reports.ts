/** What the far end says by RTCP that it received of ours, from report to report. Pure. */

/** null is what it never said. */
export interface FarEndWords {
  /** Packets of RTCP that came. */
  readonly received: number;
  /** Of those, how many say what it received of ours. */
  readonly reports: number;
  readonly farEndLost: number | null;
  readonly farEndReceived: number | null;
}

export interface Hearing {
  /** Whether our packets get there; undefined when that cannot be said. */
  readonly hears: boolean | undefined;
  /** Why, in words. */
  readonly because: string;
}

/** What it lost in all, and how much of what was sent was missing in what came back by then. */
export interface LostThere {
  readonly lost: number;
  readonly missing: number;
}

/** RTCP of the far end without a word about ours: the first one may be sent before anything is heard. */
const WITHOUT_A_WORD = 2;
/** Of what was sent since a fault began: so much is heard, or so little is not. */
const HEARD_SHARE = 0.5;
const UNHEARD_SHARE = 0.1;
/** Packets sent since a fault began, below which a report says nothing about it: half a second of 20 ms. */
const LEAST_PACKETS = 25;

export class FarEndReports {
  #words: FarEndWords | null = null;
  #atNs: number;
  #sent = 0;
  #interval: { readonly fromNs: number; readonly toNs: number; readonly sent: number; readonly received: number } | undefined;
  #lost: LostThere | undefined;

  constructor(answeredNs: number) {
    this.#atNs = answeredNs;
  }

  /** What is known now. @param sent packets so far; `missing`: of them, those whose audio is missing in what has come. */
  hear(nowNs: number, words: FarEndWords | null, sent: number, missing: number): void {
    const before = this.#words;
    this.#words = words;
    if (words === null || words.reports === (before?.reports ?? 0) || words.farEndReceived === null) return;
    this.#interval = {
      ...{ fromNs: this.#atNs, toNs: nowNs, sent: sent - this.#sent },
      received: words.farEndReceived - (before?.farEndReceived ?? 0),
    };
    this.#atNs = nowNs;
    this.#sent = sent;
    if (words.farEndLost !== null) this.#lost = { lost: words.farEndLost, missing };
  }

  /** Up to its last report; undefined when it has not said. */
  get lost(): LostThere | undefined {
    return this.#lost;
  }

  /** Of a fault that began at `sinceNs`: whether our packets have got there since. */
  hearing(sinceNs: number): Hearing {
    const words = this.#words;
    if (words === null || words.received === 0) return { hears: undefined, because: 'the far end sends no RTCP' };
    const { received, reports } = words;
    if (reports === 0) {
      return received < WITHOUT_A_WORD
        ? { hears: undefined, because: 'the far end has not reported yet what it receives' }
        : { hears: false, because: `${received} RTCP reports of the far end know of no packet of ours` };
    }
    const last = this.#interval;
    const none = { hears: undefined, because: 'the far end has not reported since' };
    if (last === undefined || last.toNs <= sinceNs) return none;
    const after = last.sent * Math.min(1, (last.toNs - sinceNs) / (last.toNs - last.fromNs));
    if (after < LEAST_PACKETS) return none;
    const said = `the far end reports that ${Math.max(0, last.received)} packets came while about ${last.sent} were sent`;
    // What came before the fault has been heard.
    const heardAfter = last.received - (last.sent - after);
    if (heardAfter >= HEARD_SHARE * after) return { hears: true, because: said };
    if (heardAfter <= UNHEARD_SHARE * after) return { hears: false, because: said };
    return { hears: undefined, because: `${said}, a part of them` };
  }
}
