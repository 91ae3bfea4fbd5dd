/**
 * Calls that are matched, as fast as the processor can: `node bench/subjects/match-calls.ts CASE CALLS SECONDS` prints the CPU seconds that
 * it took and the megabytes of memory, as JSON. Packets of 20 ms of all calls in turn, as they come in real time; what is received
 * is made before the clock starts.
 */
import { LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../src/core/audio/g711.ts';
import { AudioCorrelator } from '../../src/core/match/audio-correlator.ts';
import { AudioMatcher } from '../../src/core/match/audio.ts';
import { PayloadMatcher } from '../../src/core/match/payload.ts';
import { NoiseReference } from '../../src/core/match/reference.ts';

const PACKET = 160;
const PACKET_NS = 20e6;
/** Packets that an echo is behind: 80 ms. */
const BEHIND = 4;
/** One packet in so many is lost. */
const LOSS = 31;

interface Call {
  /** One packet of 20 ms leaves, and one comes. */
  step(packet: number): void;
  /** @returns packets that were matched. */
  end(): number;
}

const CASES: Readonly<Record<string, (seed: number, seconds: number, correlator: AudioCorrelator) => Call>> = {
  found: (seed, seconds, correlator) => audioCall(seed, seed, seconds, correlator),
  nothing: (seed, seconds, correlator) => audioCall(seed, seed + 1_000_000, seconds, correlator),
  payload: payloadCall,
};

function audioOf(seed: number, seconds: number): Int16Array {
  const audio = new Int16Array(seconds * 8_000);
  new NoiseReference(seed).read(0, audio.length, audio, 0);
  return audio.map((sample) => LINEAR_OF_ULAW[ULAW_OF_LINEAR[sample & 0xffff] as number] as number);
}

function audioCall(seed: number, heardSeed: number, seconds: number, correlator: AudioCorrelator): Call {
  const heard = audioOf(heardSeed, seconds);
  const matcher = new AudioMatcher({
    correlator,
    reference: new NoiseReference(seed),
    sampleRateHz: 8_000,
    clockRateHz: 8_000,
    onMatch: () => {},
  });
  return {
    step: (packet) => {
      matcher.sent(packet * PACKET_NS, PACKET);
      const back = packet - BEHIND;
      if (back >= 0 && back % LOSS !== 7) matcher.receive(packet * PACKET_NS, back * PACKET, heard, back * PACKET, PACKET);
    },
    end: () => matcher.counters().matched,
  };
}

/** Comes back in packets of 30 ms. */
function payloadCall(seed: number, seconds: number): Call {
  const bytes = Uint8Array.from(audioOf(seed, seconds), (sample) => ULAW_OF_LINEAR[sample & 0xffff] as number);
  const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
  const size = 1.5 * PACKET;
  let back = 0;
  return {
    step: (packet) => {
      matcher.sent(packet * PACKET_NS, bytes, packet * PACKET, PACKET);
      for (; (back + 1) * size <= (packet - BEHIND) * PACKET; back++) {
        if (back % LOSS !== 7) matcher.receive(packet * PACKET_NS, bytes, back * size, size);
      }
      matcher.expire(packet * PACKET_NS);
    },
    end: () => matcher.counters().matched,
  };
}

const [name = '', callsText = '', secondsText = ''] = process.argv.slice(2);
const make = CASES[name];
const [calls, seconds] = [Number(callsText), Number(secondsText)];
if (make === undefined || !(calls > 0) || !(seconds > 0)) throw new Error('match-calls found|nothing|payload CALLS SECONDS');
const correlator = new AudioCorrelator();
const all = Array.from({ length: calls }, (_, i) => make(i + 1, seconds, correlator));
const before = process.cpuUsage();
for (let packet = 0; packet < seconds * 50; packet++) for (const call of all) call.step(packet);
const { user, system } = process.cpuUsage(before);
const matched = all.reduce((sum, call) => sum + call.end(), 0);
process.stdout.write(`${JSON.stringify({ cpuSeconds: (user + system) / 1e6, matched, megabytes: process.memoryUsage().rss / 1e6 })}\n`);
