/** Text from elsewhere on its way to a terminal. */

/** Control characters (C0, DEL, C1) and line separators, shown as `\xNN` or `\uNNNN`, so that a peer's text cannot move a terminal's cursor. */
export function escapeControl(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x20 || (c >= 0x7f && c < 0xa0)) out += `\\x${c.toString(16).padStart(2, '0')}`;
    else if (c === 0x2028 || c === 0x2029) out += `\\u${c.toString(16)}`;
    else out += text[i];
  }
  return out;
}
