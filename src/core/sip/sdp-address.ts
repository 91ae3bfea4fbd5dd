/** The addresses of session descriptions (RFC 8866 §9): what is one, and what may be sent to. No names are resolved. */
import { ALPHANUMERIC, asciiSet, isIn, parseDecimal } from './scanner.ts';

const MAX_HOST_NAME = 255;
const MAX_IPV6 = 45;
const MAX_LABEL = 63;
const IPV6_GROUPS = 8;
const HEXADECIMAL = asciiSet('0123456789abcdefABCDEF');
const HYPHEN = 0x2d;

/** Four numbers from 0 to 255, without leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.', 5);
  return parts.length === 4 && parts.every((part) => String(parseDecimal(part, 255)) === part);
}

/** Without brackets and zone. */
export function isIpv6(text: string): boolean {
  if (text.length > MAX_IPV6) return false;
  const gap = text.indexOf('::');
  if (gap === -1) return groupsIn(text, true) === IPV6_GROUPS;
  const before = groupsIn(text.slice(0, gap), false);
  const after = groupsIn(text.slice(gap + 2), true);
  // The gap stands for one group at least.
  return before !== undefined && after !== undefined && before + after < IPV6_GROUPS;
}

/** Letters, digits and hyphens between dots, and not all of it digits, which would be a mistyped address. */
export function isHostName(text: string): boolean {
  if (text.length > MAX_HOST_NAME) return false;
  const labels = text.split('.');
  if (labels.at(-1) === '' && labels.length > 1) labels.pop();
  return labels.every(isLabel) && parseDecimal(labels.at(-1) ?? '', Number.MAX_SAFE_INTEGER) === undefined;
}

/** Neither multicast nor broadcast: one offer must not make us send to many. @param address numeric. */
export function isUnicast(address: string): boolean {
  if (address.includes(':')) return !address.toLowerCase().startsWith('ff') && !isMapped(address);
  const first = Number(address.slice(0, address.indexOf('.')));
  return (first < 224 || first > 239) && address !== '255.255.255.255';
}

/** An IPv4 address in IPv6's clothes (RFC 4291 §2.5.5.2), which could be any of the addresses that are not unicast. */
function isMapped(address: string): boolean {
  let at = 0;
  while (address[at] === '0' || address[at] === ':') at += 1;
  return address.slice(at).toLowerCase().startsWith('ffff:');
}

/** Number of 16-bit groups; undefined when it is not a list of them. The last two may be an IPv4 address. */
function groupsIn(text: string, mayEndInIpv4: boolean): number | undefined {
  if (text === '') return 0;
  const parts = text.split(':');
  let groups = parts.length;
  if (mayEndInIpv4 && parts.at(-1)?.includes('.') === true) {
    if (!isIpv4(parts.pop() ?? '')) return undefined;
    groups += 1;
  }
  return parts.every(isGroup) ? groups : undefined;
}

function isGroup(text: string): boolean {
  return text.length >= 1 && text.length <= 4 && hasOnly(text, (code) => isIn(HEXADECIMAL, code));
}

function isLabel(text: string): boolean {
  if (text === '' || text.length > MAX_LABEL || text.startsWith('-') || text.endsWith('-')) return false;
  return hasOnly(text, (code) => code === HYPHEN || isIn(ALPHANUMERIC, code));
}

function hasOnly(text: string, isAllowed: (code: number) => boolean): boolean {
  for (let at = 0; at < text.length; at++) if (!isAllowed(text.charCodeAt(at))) return false;
  return true;
}
