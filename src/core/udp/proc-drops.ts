/**
 * Datagrams that Linux dropped at a socket, from the `drops` column of /proc/net/udp and /proc/net/udp6 (proc(5), and
 * net/ipv4/udp.c `udp4_format_sock`). The text is the argument: reading the file is the engine's business.
 */

const COLUMN_LOCAL = 1;
const COLUMN_DROPS = 12;

/**
 * Drops by local endpoint, keyed as {@link procKey} spells it. Sockets that share an endpoint (SO_REUSEPORT) add up.
 *
 * @param text contents of /proc/net/udp or /proc/net/udp6; lines that are not of that form are passed over.
 */
export function parseProcDrops(text: string): ReadonlyMap<string, number> {
  const drops = new Map<string, number>();
  for (const line of text.split('\n').slice(1)) {
    const columns = line.split(' ').filter((column) => column !== '');
    const local = columns[COLUMN_LOCAL];
    const count = Number(columns[COLUMN_DROPS] ?? Number.NaN);
    if (local !== undefined && Number.isSafeInteger(count)) drops.set(local, (drops.get(local) ?? 0) + count);
  }
  return drops;
}

/**
 * `0100007F:0FA0` for 127.0.0.1:4000: every 32-bit word of the address as the processor reads it, in hexadecimal, then the port.
 *
 * @param bytes the address in network byte order, 4 or 16 bytes.
 */
export function procKey(bytes: Uint8Array, port: number, endianness: 'BE' | 'LE'): string {
  let key = '';
  for (let word = 0; word < bytes.length; word += 4) {
    for (let i = 0; i < 4; i++) {
      const byte = bytes[word + (endianness === 'LE' ? 3 - i : i)] as number;
      key += byte.toString(16).padStart(2, '0');
    }
  }
  return `${key}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** The 4 or 16 bytes of a numeric address, a `%scope` left out; undefined when it is not one. */
export function addressBytes(address: string): Uint8Array | undefined {
  const scope = address.indexOf('%');
  const plain = scope < 0 ? address : address.slice(0, scope);
  if (!plain.includes(':')) return ipv4Bytes(plain);

  const bytes = new Uint8Array(16);
  // An IPv4 tail (`::ffff:192.0.2.1`) stands for the last two groups.
  let text = plain;
  if (plain.includes('.')) {
    const colon = plain.lastIndexOf(':');
    const tail = ipv4Bytes(plain.slice(colon + 1));
    if (tail === undefined) return undefined;
    const high = ((tail[0] as number) << 8) | (tail[1] as number);
    const low = ((tail[2] as number) << 8) | (tail[3] as number);
    text = `${plain.slice(0, colon + 1)}${high.toString(16)}:${low.toString(16)}`;
  }
  const gap = text.indexOf('::');
  const head = groups(gap < 0 ? text : text.slice(0, gap));
  const rest = gap < 0 ? [] : groups(text.slice(gap + 2));
  if (head === undefined || rest === undefined) return undefined;
  const missing = 8 - head.length - rest.length;
  if (gap < 0 ? missing !== 0 : missing < 1) return undefined;
  [...head, ...Array.from({ length: missing }, () => 0), ...rest].forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const values = text.split(':').map((group) => (isHexGroup(group) ? Number.parseInt(group, 16) : Number.NaN));
  return values.some(Number.isNaN) ? undefined : values;
}

function isHexGroup(text: string): boolean {
  return text.length > 0 && text.length <= 4 && /^[0-9a-f]+$/i.test(text);
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const value = part !== '' && part.length <= 3 && /^[0-9]+$/.test(part) ? Number(part) : 256;
    if (value > 255) return undefined;
    bytes[i] = value;
  }
  return bytes;
}
