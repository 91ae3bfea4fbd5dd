/** Texts that go into HTTP headers: tokens and names of hosts. */

/** Whether it is printed characters of ASCII only, without blanks. */
export function isHeaderText(text: string): boolean {
  for (const character of text) if (character <= ' ' || character >= '\u007f') return false;
  return true;
}

const MOST_NAME = 253;

/** A name of a host as it is compared, in small letters; undefined when it is none: an address, a URL, a name with a port. */
export function hostName(text: string): string | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name === '' || name.length > MOST_NAME) return undefined;
  let letters = 0;
  for (const c of name) {
    const isLetter = (c >= 'a' && c <= 'z') || c === '-' || c === '_';
    if (!isLetter && c !== '.' && !(c >= '0' && c <= '9')) return undefined;
    if (isLetter) letters += 1;
  }
  return letters === 0 ? undefined : name;
}
