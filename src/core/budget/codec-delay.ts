/** What codecs are known to hold back (docs/probe-a-call.md, "What codecs hold back"). Pure. */

/** G.722: its filter bank, each time that it is encoded and decoded. */
const G722_MS = 1.375;
/** Asterisk between 8 and 16 kHz, each time. */
const RESAMPLED_MS = 5;

/**
 * There and back between the caller's codec and the PCMU or PCMA of the service.
 *
 * @returns ms; null where nothing is known to be held back, or packets were matched and not their sound.
 */
export function codecDelayMs(codec: string | null, match: string | null): number | null {
  if (match !== 'audio') return null;
  if (codec === 'G722') return 2 * (G722_MS + RESAMPLED_MS);
  return codec === 'L16' ? 2 * RESAMPLED_MS : null;
}
