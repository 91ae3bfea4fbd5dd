/** The codecs that a call may be offered, and what of them goes into packets. Pure. */
import type { ProbeAudio } from '../probe/source.ts';
import type { AudioCodec, NegotiatedMedia } from '../sip/sdp-offer.ts';

/** As a user writes them. */
export const CODEC_NAMES = ['PCMU', 'PCMA', 'G722', 'L16'] as const;
export type CallCodecName = (typeof CODEC_NAMES)[number];

/** 8 kHz, and 16 kHz of L16: that of G.722 is a 16 kHz that RTP calls 8 kHz (RFC 3551 §4.5.2). */
export function codecNamed(name: CallCodecName): AudioCodec {
  return { name, clockRateHz: name === 'L16' ? 16_000 : 8_000 };
}

const SILENCE: Readonly<Record<CallCodecName, number>> = {
  PCMU: 0xff,
  PCMA: 0xd5,
  // No code word of G.722 is silence by itself: this one takes the least steps in both of its bands.
  G722: 0xfa,
  L16: 0,
};

/** What packets of the codec that was agreed to carry. */
export function audioOf({ name, clockRateHz, payloadType }: NegotiatedMedia['codec']): ProbeAudio {
  return { name, payloadType, clockRateHz, bytesPerSecond: clockRateHz * (name === 'L16' ? 2 : 1), silenceByte: SILENCE[name] };
}
