/** SIPp scenarios as lists of steps, so that each test shows the whole call at a glance. */

/** What {@link acceptKept} needs of a request. */
const KEPT = ['Via', 'From', 'To', 'CSeq'] as const;

/** A session description with one audio stream: `0` is PCMU, `8` PCMA. @param more the port of the media, and attributes of other formats. */
export function audio(
  formats = '0 101',
  direction = 'sendrecv',
  more: { readonly port?: number; readonly attributes?: readonly string[] } = {},
): string {
  const lines = [
    ...['v=0', 'o=caller 1 1 IN IP[local_ip_type] [local_ip]', 's=-', 'c=IN IP[media_ip_type] [media_ip]', 't=0 0'],
    `m=audio ${more.port ?? '[media_port]'} RTP/AVP ${formats}`,
    ...(formats.includes('101') ? ['a=rtpmap:101 telephone-event/8000'] : []),
    ...(more.attributes ?? []),
    `a=${direction}`,
  ];
  return lines.join('\n');
}

interface RequestOptions {
  /** Default 1. */
  readonly cseq?: number;
  /** Names the transaction within the call; default method and CSeq. */
  readonly branch?: string;
  /** Outside of any dialog although the server has named its tag: CANCEL, or an INVITE again. */
  readonly untagged?: boolean;
  /** Instead of the server's tag. */
  readonly toTag?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** Default `application/sdp`, of a body. */
  readonly type?: string;
}

/** Sends a request once: nothing is repeated unless the scenario does. */
export function send(method: string, options: RequestOptions = {}): string {
  const { cseq = 1, branch = `${method}${cseq}`, untagged = false, toTag, headers = [], body = '', type = 'application/sdp' } = options;
  const tag = toTag === undefined ? (untagged ? '' : '[peer_tag_param]') : `;tag=${toTag}`;
  return message([
    `${method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0`,
    `Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-[pid]-[call_number]-${branch};rport`,
    'From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]c[call_number]',
    `To: <sip:[service]@[remote_ip]:[remote_port]>${tag}`,
    'Call-ID: [call_id]',
    `CSeq: ${cseq} ${method}`,
    'Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>',
    'Max-Forwards: 70',
    ...headers,
    ...(body === '' ? [] : [`Content-Type: ${type}`]),
    'Content-Length: [len]',
    '',
    body,
  ]);
}

/** Answers the request that came last. */
export function accept(): string {
  return message([
    'SIP/2.0 200 OK',
    '[last_Via:]',
    '[last_From:]',
    '[last_To:]',
    '[last_Call-ID:]',
    '[last_CSeq:]',
    'Content-Length: 0',
    '',
    '',
  ]);
}

function message(lines: readonly string[]): string {
  return `<send><![CDATA[\n${lines.join('\n')}\n]]></send>`;
}

/** Waits for each of these in turn: a status, or a method. Whatever else comes fails the call. */
export function recv(...what: readonly (number | string)[]): string {
  return what.map((one) => (typeof one === 'number' ? `<recv response="${one}" />` : `<recv request="${one}" />`)).join('\n');
}

/** Waits for a reliable provisional response and keeps its number for `RAck: [$rseq] …`. */
export function recvReliable(status: number): string {
  const keep = '<ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" check_it="true" assign_to="rseq" />';
  return `<recv response="${status}"><action>${keep}</action></recv>`;
}

/** Waits for a request that is to be answered after other messages have come. */
export function recvAndKeep(method: string): string {
  const keep = KEPT.map((name) => `<ereg regexp=".*" search_in="hdr" header="${name}:" check_it="true" assign_to="${name}" />`);
  return `<recv request="${method}"><action>${keep.join('')}</action></recv>`;
}

export function acceptKept(): string {
  return message(['SIP/2.0 200 OK', ...KEPT.map((name) => `${name}: [$${name}]`), 'Call-ID: [call_id]', 'Content-Length: 0', '', '']);
}

/** An ACK of a final response other than 2xx belongs to the INVITE's transaction (RFC 3261 §17.1.1.3). */
export function ackRefusal(cseq = 1): string {
  return send('ACK', { cseq, branch: `INVITE${cseq}` });
}

/** INVITE to ACK; `formats` as of {@link audio}. */
export function establish(formats?: string): readonly string[] {
  return [send('INVITE', { body: audio(formats) }), recv(100, 180, 200), send('ACK')];
}

/** BYE from the caller, answered. */
export function hangUp(cseq: number): readonly string[] {
  return [send('BYE', { cseq }), recv(200)];
}

export function scenario(steps: readonly string[]): string {
  return `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="steps">\n${steps.join('\n')}\n</scenario>\n`;
}
