/** Watches one call from its answer to its end: what comes is listened to, and looked at every fraction of a second. Pure; memory is fixed. */
import { WINDOW } from '../match/audio-correlator.ts';
import type { RtpPacket } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import { VerdictCourse } from './course.ts';
import { Ear } from './ear.ts';
import type { EarOptions } from './ear.ts';
import type { MarkerBoard } from './marker-board.ts';
import { find } from './rules.ts';
import type { Heard } from './rules.ts';
import { FarEndReports } from './reports.ts';
import type { FarEndWords } from './reports.ts';
import { NOBODY_LISTENS } from './refused.ts';
import { unknownBecause } from './verdict.ts';
import type { CallVerdict, Finding } from './verdict.ts';

export interface CallWatchOptions extends Omit<EarOptions, 'correlator'> {
  readonly correlator: EarOptions['correlator'];
  /** Number of the call, and the calls of the run: this one puts itself there. */
  readonly call: number;
  readonly board: MarkerBoard;
  readonly ssrc: number;
  readonly answeredNs: number;
  readonly ptimeMs: number;
  /** What the far end says by RTCP. */
  readonly words: () => FarEndWords | null;
}

/** No packet left for so long: the sending is over, and nothing needs to come any more. */
const SENDING_OVER_NS = 200e6;
const LOOK_NS = 100e6;
/** All calls of a run are asked for so often until it is none of theirs. */
const ROUNDS = 2;

export class CallWatch {
  readonly #options: CallWatchOptions;
  readonly #ear: Ear;
  readonly #course: VerdictCourse;
  readonly #reports: FarEndReports;
  #reception: ReceiverStatistics;
  #gapsBefore = 0;
  #ssrc: number | undefined;
  #came = 0;
  #undecoded = 0;
  #refused = false;
  #sent = 0;
  #lastNs: number | undefined;
  #lastSentNs = 0;
  #lookedNs = 0;
  #stranger: number | null | undefined;
  #asked = 0;
  #rounds = 0;

  constructor(options: CallWatchOptions) {
    const { board, call, reference, ssrc, answeredNs } = options;
    this.#options = options;
    this.#ear = new Ear(options);
    this.#course = new VerdictCourse(answeredNs);
    this.#reports = new FarEndReports(answeredNs);
    this.#reception = new ReceiverStatistics(options);
    board.put(call, { ssrc, reference, sent: () => this.#ear.sentSamples });
  }

  /** What holds now; undefined before the first verdict. */
  get current(): Finding | undefined {
    return this.#course.current;
  }

  /** The next packet leaves. */
  sent(leftNs: number): void {
    this.#lastSentNs = leftNs;
    this.#sent += 1;
    this.#ear.sent(leftNs);
  }

  /**
   * An RTP packet came, which is `count` samples from `samples[0]` on; 0 when it is comfort noise.
   *
   * @param index of the packet of ours whose header it has; −1 when it has none of them.
   */
  came(packet: RtpPacket, index: number, samples: Int16Array, count: number, atNs: number): void {
    const { ssrc, sequence, timestamp } = packet;
    if (ssrc !== this.#ssrc) {
      this.#gapsBefore += this.#gapsNow();
      this.#reception = new ReceiverStatistics(this.#options);
      this.#ssrc = ssrc;
      this.#forgetStranger();
    }
    this.#came += 1;
    this.#lastNs = atNs;
    if (this.#reception.receive(atNs, sequence, timestamp) === 'duplicate') return;
    if (count === 0) this.#ear.window.add(atNs, 'silent', this.#options.ptimeMs);
    else this.#ear.hear({ atNs, ssrc, timestamp, index }, samples, count);
  }

  /** An RTP packet came that holds something of which nothing is known: no codec that was agreed on. */
  undecoded(atNs: number): void {
    this.#came += 1;
    this.#undecoded += 1;
    this.#lastNs = atNs;
  }

  /** It is known that nothing listens at the far end's port. */
  refused(): void {
    this.#refused = true;
  }

  /** Looks at what there is, now and then. */
  look(nowNs: number): void {
    if (nowNs - this.#lookedNs < LOOK_NS || this.#sent === 0 || nowNs - this.#lastSentNs > SENDING_OVER_NS) return;
    this.#lookedNs = nowNs;
    this.#ear.settle(nowNs);
    const { ptimeMs, words } = this.#options;
    this.#reports.hear(nowNs, words(), this.#sent, Math.round(this.#ear.places.totalMissingMs / ptimeMs));
    this.#lookForStranger(nowNs);
    this.#course.look(nowNs, find(this.#heard(nowNs)) ?? this.#notHeard());
  }

  /** The call is over, and nothing more will come: the verdict of the whole call. */
  finish(nowNs: number): CallVerdict {
    const { board, call, answeredNs } = this.#options;
    this.#ear.settle(Number.POSITIVE_INFINITY);
    board.take(call);
    if (this.#refused && this.#came === 0) return this.#course.whole(NOBODY_LISTENS);
    const lasted = ((this.#lastSentNs - answeredNs) / 1e9).toFixed(1);
    if (this.#course.current === undefined && this.#sent > 0) {
      const at = this.#came === 0 ? nowNs : Math.min(nowNs, (this.#lastNs ?? nowNs) + 1);
      const found = find(this.#heard(at)) ?? this.#notHeard();
      if (found !== undefined) return { ...this.#course.whole(found), sinceMs: 0 };
    }
    const reason = this.#sent === 0 ? 'no packet was sent' : `too little came: the call was over ${lasted} s after its answer`;
    return this.#course.whole(unknownBecause(reason));
  }

  #heard(nowNs: number): Heard {
    const { answeredNs, ptimeMs, reference } = this.#options;
    return {
      ...{ ear: this.#ear, nowNs, answeredNs, lastNs: this.#lastNs, came: this.#came, ptimeMs, marked: reference !== undefined },
      ...{ gaps: this.#gapsBefore + this.#gapsNow(), reports: this.#reports, before: this.#course.current },
      stranger: () => this.#stranger,
    };
  }

  #notHeard(): Finding | undefined {
    if (this.#undecoded === 0) return undefined;
    return unknownBecause(`${this.#undecoded} of ${this.#came} packets came in a codec that was not agreed on`);
  }

  #gapsNow(): number {
    return Math.max(0, this.#reception.cumulativeLost);
  }

  #lookForStranger(nowNs: number): void {
    const { board, call } = this.#options;
    const { strange, strangeCount } = this.#ear;
    if (this.#stranger !== undefined && strangeCount > 0) return;
    if (strangeCount === 0) return this.#forgetStranger();
    const known = this.#ssrc === undefined ? null : board.withSsrc(this.#ssrc, call);
    if (known !== null) {
      this.#stranger = known;
      return;
    }
    if (strangeCount < WINDOW) return;
    const others = board.others(call);
    const asked = others[this.#asked % Math.max(1, others.length)];
    if (asked === undefined) {
      this.#stranger = null;
      return;
    }
    const found = board.isOf(asked, strange, nowNs);
    if (found === undefined) return;
    if (found) this.#stranger = asked;
    else this.#askNext(others.length);
  }

  #askNext(of: number): void {
    this.#asked += 1;
    if (this.#asked < of) return;
    this.#asked = 0;
    this.#rounds += 1;
    if (this.#rounds >= ROUNDS) this.#stranger = null;
  }

  #forgetStranger(): void {
    this.#stranger = undefined;
    this.#asked = 0;
    this.#rounds = 0;
  }
}
