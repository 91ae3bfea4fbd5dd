/** The codecs of calls, as a user names them. Pure. */
import { RtplatError } from '../errors.ts';
import { CODEC_NAMES } from './audio.ts';
import type { CallCodecName } from './audio.ts';

/** @returns each of them once, the first choice first. @throws RtplatError `usage`. */
export function parseCodecs(text: string): readonly [CallCodecName, ...CallCodecName[]] {
  const [first = '', ...others] = text.split(',');
  const rest = others.map(codecOf).filter((name, at, all) => all.indexOf(name) === at);
  const chosen = codecOf(first);
  return [chosen, ...rest.filter((name) => name !== chosen)];
}

function codecOf(part: string): CallCodecName {
  const name = part.trim();
  const known = CODEC_NAMES.find((each) => each === name.toUpperCase());
  if (known !== undefined) return known;
  throw new RtplatError('usage', `--codec: there is no codec ${name === '' ? '""' : name}`, {
    hint: `write one or more of ${CODEC_NAMES.join(', ')}, a comma between them`,
  });
}
