/** External media of an Asterisk: there is no session description, so both sides know the payload types beforehand. Pure. */
import { RtplatError } from '../errors.ts';
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import { codecNamed } from './audio.ts';
import type { CallCodecName } from './audio.ts';
import { parseCodecs } from './codecs.ts';

/** What external media carries both ways. Of L16 Asterisk (16.28 and 22.10) sends what it has, as payload type 118, and drops what comes. */
const CODECS = {
  PCMU: { format: 'ulaw', payloadType: 0 },
  PCMA: { format: 'alaw', payloadType: 8 },
  G722: { format: 'g722', payloadType: 9 },
} as const;
export type AriCodecName = keyof typeof CODECS;

/** As ARI names it. */
export function ariFormatOf(name: AriCodecName): string {
  return CODECS[name].format;
}

export function ariCodecOf(name: AriCodecName): NegotiatedMedia['codec'] {
  return { ...codecNamed(name), payloadType: CODECS[name].payloadType };
}

/**
 * Nothing is offered to Asterisk: it is told.
 *
 * @param written whether it is from the command line; of what a variable lists for calls by SIP, the first is taken.
 * @throws RtplatError `usage`.
 */
export function parseAriCodec(text: string, written: boolean): AriCodecName {
  const [codec, ...more] = parseCodecs(text);
  const hint = `write one of ${Object.keys(CODECS).join(', ')}`;
  if (written && more.length > 0) throw new RtplatError('usage', `--codec ${text}: calls through ARI have one codec`, { hint });
  if (!isAriCodec(codec))
    throw new RtplatError('usage', `--codec ${codec}: Asterisk drops ${codec} that comes over external media`, { hint });
  return codec;
}

function isAriCodec(name: CallCodecName): name is AriCodecName {
  return name in CODECS;
}
