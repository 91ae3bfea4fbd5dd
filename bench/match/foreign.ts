/** Audio without a marker, by the hour: how often one is found in it all the same. */
import { AudioCorrelator } from '../../src/core/match/audio-correlator.ts';
import { AudioMatcher } from '../../src/core/match/audio.ts';
import { NoiseReference } from '../../src/core/match/reference.ts';
import { FOREIGN } from '../../test/core/match/kit/foreign.ts';

const PACKET = 160;
const PACKET_NS = 20e6;
/** Made at once. */
const PIECE_SECONDS = 60;

export interface ForeignResult {
  readonly kind: string;
  readonly seconds: number;
  /** Windows of 256 ms that were searched for 4 s of delay, and those of them, and packets, in which the marker was found. */
  readonly windows: number;
  readonly found: number;
  readonly matched: number;
}

/** One call a minute, each with a marker of its own, to which other audio comes back. */
export function searchForeign(seconds: number): readonly ForeignResult[] {
  const correlator = new AudioCorrelator();
  return Object.entries(FOREIGN).map(([kind, make]) => {
    const total = { windows: 0, found: 0, matched: 0 };
    for (let at = 0; at < seconds; at += PIECE_SECONDS) {
      const audio = make(PIECE_SECONDS, 2 * at + 1);
      const matcher = new AudioMatcher({
        correlator,
        reference: new NoiseReference(2 * at + 1),
        sampleRateHz: 8_000,
        clockRateHz: 8_000,
        onMatch: () => {},
      });
      for (let packet = 0; packet < audio.length / PACKET; packet++) {
        matcher.sent(packet * PACKET_NS, PACKET);
        matcher.receive(packet * PACKET_NS, packet * PACKET, audio, packet * PACKET, PACKET);
      }
      matcher.end();
      const { windows, found, matched } = matcher.counters();
      total.windows += windows;
      total.found += found;
      total.matched += matched;
    }
    return { kind, seconds, windows: total.windows, found: total.found, matched: total.matched };
  });
}
