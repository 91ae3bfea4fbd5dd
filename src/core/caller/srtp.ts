/** The suites of SRTP, as a user names them. Pure. */
import { RtplatError } from '../errors.ts';
import { isSuiteName, SRTP_SUITE_NAMES } from '../srtp/suites.ts';
import type { SrtpSuiteName } from '../srtp/suites.ts';

/** @param text `sdes`: all of them; or a list. @returns none without a text. @throws RtplatError `usage`. */
export function parseSrtp(text: string | undefined): readonly SrtpSuiteName[] {
  if (text === undefined) return [];
  if (text.trim().toLowerCase() === 'sdes') return SRTP_SUITE_NAMES;
  const suites = text.split(',').map((part) => {
    const name = part.trim().toUpperCase();
    if (isSuiteName(name)) return name;
    throw new RtplatError('usage', `--srtp: there is no suite ${part.trim() === '' ? '""' : part.trim()}`, {
      hint: `write sdes, or one or more of ${SRTP_SUITE_NAMES.join(', ')}, a comma between them`,
    });
  });
  return [...new Set(suites)];
}
