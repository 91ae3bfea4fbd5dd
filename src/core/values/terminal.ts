/** Text from elsewhere on its way to a terminal. */

/**
 * Control characters (C0, DEL, C1), line separators and what turns the direction of writing, shown as `\xNN` or `\uNNNN`, so that a peer's
 * text cannot move a terminal's cursor or pass for another.
 */
export function escapeControl(text: string): string {
  // Nearly every text is clean, and every log line passes here.
  let first = 0;
  while (first < text.length && !isControl(text.charCodeAt(first))) first += 1;
  if (first === text.length) return text;
  let out = text.slice(0, first);
  for (let i = first; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (!isControl(c)) out += text[i];
    else out += c < 0x100 ? `\\x${c.toString(16).padStart(2, '0')}` : `\\u${c.toString(16)}`;
  }
  return out;
}

function isControl(c: number): boolean {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}
