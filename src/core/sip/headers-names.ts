/** Names of header fields: found whatever their case, compact forms as their long ones (RFC 3261 §7.3.3 and the IANA registry). */

/** One name. Known names are one object each; of an unknown name every field has its own. */
export interface HeaderName {
  /** What two names are compared by: the long name in lower case. */
  readonly key: string;
  /** As it is written out: the long name, or an unknown name as it came. */
  readonly name: string;
  /** Whether a message with two such fields is malformed. */
  readonly single: boolean;
}

/** Fields that say one thing, so that a second one leaves the receiver to guess (RFC 4475 §3.3.8, §3.3.9). */
const SINGLE: ReadonlySet<string> = new Set(['Call-ID', 'Content-Length', 'Content-Type', 'CSeq', 'From', 'Max-Forwards', 'To']);

/** Long names, each with its compact form where it has one. */
const NAMES: readonly (readonly [name: string, compact?: string])[] = [
  ['Accept'],
  ['Accept-Contact', 'a'],
  ['Accept-Encoding'],
  ['Accept-Language'],
  ['Alert-Info'],
  ['Allow'],
  ['Allow-Events', 'u'],
  ['Authentication-Info'],
  ['Authorization'],
  ['Call-ID', 'i'],
  ['Call-Info'],
  ['Contact', 'm'],
  ['Content-Disposition'],
  ['Content-Encoding', 'e'],
  ['Content-Language'],
  ['Content-Length', 'l'],
  ['Content-Type', 'c'],
  ['CSeq'],
  ['Date'],
  ['Error-Info'],
  ['Event', 'o'],
  ['Expires'],
  ['From', 'f'],
  ['Identity', 'y'],
  ['Identity-Info', 'n'],
  ['In-Reply-To'],
  ['Max-Forwards'],
  ['MIME-Version'],
  ['Min-Expires'],
  ['Min-SE'],
  ['Organization'],
  ['P-Asserted-Identity'],
  ['Path'],
  ['Priority'],
  ['Privacy'],
  ['Proxy-Authenticate'],
  ['Proxy-Authorization'],
  ['Proxy-Require'],
  ['RAck'],
  ['Reason'],
  ['Record-Route'],
  ['Refer-To', 'r'],
  ['Referred-By', 'b'],
  ['Reject-Contact', 'j'],
  ['Replaces'],
  ['Reply-To'],
  ['Request-Disposition', 'd'],
  ['Require'],
  ['Retry-After'],
  ['Route'],
  ['RSeq'],
  ['Server'],
  ['Service-Route'],
  ['Session-Expires', 'x'],
  ['Subject', 's'],
  ['Supported', 'k'],
  ['Timestamp'],
  ['To', 't'],
  ['Unsupported'],
  ['User-Agent'],
  ['Via', 'v'],
  ['Warning'],
  ['WWW-Authenticate'],
];

/** As usually written, and in lower case. Never grows: names of the peer's making do not enter. */
const TABLE: ReadonlyMap<string, HeaderName> = table();

/** The name that `written` is a way of writing. Does not look whether it is a token. */
export function headerName(written: string): HeaderName {
  const known = TABLE.get(written);
  if (known !== undefined) return known;
  const key = written.toLowerCase();
  return TABLE.get(key) ?? { key, name: written, single: false };
}

function table(): Map<string, HeaderName> {
  const names = new Map<string, HeaderName>();
  for (const [name, compact] of NAMES) {
    const known = { key: name.toLowerCase(), name, single: SINGLE.has(name) };
    names.set(name, known);
    names.set(known.key, known);
    if (compact !== undefined) names.set(compact, known);
  }
  return names;
}
