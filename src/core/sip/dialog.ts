/**
 * A dialog (RFC 3261 §12): its identity, its sequence numbers, and the way of the requests that we send in it.
 *
 *     serverDialog()     a request of the peer began it (§12.1.1)
 *     clientDialog()     an INVITE of ours did, and an answer to it (§12.1.2)
 */
import { createRequest, parseNameAddr } from './message.ts';
import type { SipMessage, SipRequest, SipResponse } from './message.ts';
import { isTranslated, isUnreachable } from './nat.ts';
import type { SipFlow } from './transactions.ts';
import { asRequestUri, parseUri } from './uri.ts';

/** Where a request of ours goes (RFC 3261 §12.2.1.1). */
export interface NextHop {
  readonly request: SipRequest;
  /** URI of the next hop: the first route, or the peer's contact. Undefined where the peer is behind NAT: it is to go by the flow. */
  readonly target: string | undefined;
  /** What the peer's message came on. */
  readonly flow: SipFlow;
}

/** What a dialog begins with. */
interface DialogStart {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To of what we send, complete with their tags. */
  readonly local: string;
  readonly remote: string;
  /** In the order in which our requests take them. */
  readonly routes: readonly string[];
  readonly remoteTarget: string;
  readonly flow: SipFlow;
  readonly translated: boolean;
  /** Of the last request of the peer; -1 before there is one. */
  readonly remoteSequence: number;
  readonly localSequence: number;
}

/**
 * @param request has From with or without a tag, To, Call-ID, CSeq, all valid.
 * @param localTag of ours, which the answers carry.
 * @param flow what the request came on.
 */
export function serverDialog(request: SipRequest, localTag: string, flow: SipFlow): Dialog {
  const { headers } = request;
  return new Dialog({
    callId: request.callId ?? '',
    localTag,
    remoteTag: request.fromTag ?? '',
    local: `${headers.get('To') ?? ''};tag=${localTag}`,
    remote: headers.get('From') ?? '',
    routes: headers.values('Record-Route'),
    // An INVITE must have a Contact (§8.1.1.8); the From of one that has none is a better guess than nothing.
    remoteTarget: contactOf(request) ?? asRequestUri(request.from?.uri ?? '') ?? '',
    flow,
    translated: isTranslated(request, flow.remote),
    remoteSequence: request.cseq?.number ?? 0,
    localSequence: 0,
  });
}

/** What a dialog takes of the INVITE that began it. */
export type BeginningInvite = Pick<SipRequest, 'callId' | 'fromTag' | 'headers' | 'uri' | 'cseq'>;

/**
 * @param invite as it was sent.
 * @param response a provisional answer with a To tag, or a 2xx.
 * @param flow what the INVITE was sent on.
 */
export function clientDialog(invite: BeginningInvite, response: SipResponse, flow: SipFlow): Dialog {
  return new Dialog({
    callId: invite.callId ?? '',
    localTag: invite.fromTag ?? '',
    remoteTag: response.toTag ?? '',
    local: invite.headers.get('From') ?? '',
    remote: response.headers.get('To') ?? '',
    routes: routesOf(response),
    remoteTarget: readableContactOf(response) ?? invite.uri,
    flow,
    // An answer names no address that it comes from.
    translated: false,
    remoteSequence: -1,
    localSequence: invite.cseq?.number ?? 0,
  });
}

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly #local: string;
  readonly #remote: string;
  readonly #routes: readonly string[];
  #remoteTarget: string;
  /** What the message came on that named the target, and whether there was NAT between. */
  #flow: SipFlow;
  #translated: boolean;
  #remoteSequence: number;
  #localSequence: number;

  constructor(start: DialogStart) {
    this.callId = start.callId;
    this.localTag = start.localTag;
    this.remoteTag = start.remoteTag;
    this.#local = start.local;
    this.#remote = start.remote;
    this.#routes = start.routes;
    this.#remoteTarget = start.remoteTarget;
    this.#flow = start.flow;
    this.#translated = start.translated;
    this.#remoteSequence = start.remoteSequence;
    this.#localSequence = start.localSequence;
  }

  /** The contact of the peer: a URI. */
  get remoteTarget(): string {
    return this.#remoteTarget;
  }

  /**
   * Takes note of a request in the dialog (§12.2.2); ACK and CANCEL have the number of their INVITE and are not for this.
   *
   * @returns whether it is in order: a lower number than the last one's is not.
   */
  inOrder(request: SipRequest): boolean {
    const number = request.cseq?.number ?? 0;
    if (number < this.#remoteSequence) return false;
    this.#remoteSequence = number;
    return true;
  }

  /** An INVITE or UPDATE may move the peer's contact (§12.2.2), and a peer that has moved, or connected again, comes by another flow. */
  refreshTarget(request: SipRequest, flow: SipFlow): void {
    const contact = contactOf(request);
    if (contact === undefined) return;
    this.#remoteTarget = contact;
    this.#flow = flow;
    this.#translated = isTranslated(request, flow.remote);
  }

  /** The 2xx to an INVITE of ours that its early dialog began, or to one within it, may move it too (§12.1.2, §12.2.1.2). */
  answered(response: SipResponse): void {
    this.#remoteTarget = readableContactOf(response) ?? this.#remoteTarget;
  }

  /** The last sequence number of ours. */
  get localSequence(): number {
    return this.#localSequence;
  }

  /** A request of ours with the next sequence number. */
  createRequest(method: string, headers: Iterable<readonly [string, string]> = [], body?: Uint8Array): NextHop {
    this.#localSequence += 1;
    return this.#request(method, this.#localSequence, headers, body);
  }

  /** The ACK of a 2xx (§13.2.2.4). @param sequence of its INVITE. */
  createAck(sequence: number, headers: Iterable<readonly [string, string]> = []): NextHop {
    return this.#request('ACK', sequence, headers);
  }

  #request(method: string, sequence: number, headers: Iterable<readonly [string, string]>, body?: Uint8Array): NextHop {
    const [first, ...others] = this.#routes;
    const fields: (readonly [string, string])[] = [
      ['Max-Forwards', '70'],
      ['From', this.#local],
      ['To', this.#remote],
      ['Call-ID', this.callId],
      ['CSeq', `${sequence} ${method}`],
    ];
    let uri = this.#remoteTarget;
    let target = this.#remoteTarget;
    if (first !== undefined) {
      const hop = uriOf(first);
      target = hop;
      if (parseUri(hop)?.params.has('lr') === true) for (const route of this.#routes) fields.push(['Route', route]);
      else {
        // A strict router (RFC 2543) takes its own address as the Request-URI, and the contact goes last.
        uri = hop;
        for (const route of [...others, `<${this.#remoteTarget}>`]) fields.push(['Route', route]);
      }
    }
    const behindNat = (first === undefined && this.#translated) || isUnreachable(parseUri(target)?.host ?? '', this.#flow.remote);
    return {
      request: createRequest(method, uri, [...fields, ...headers], body),
      target: behindNat ? undefined : target,
      flow: this.#flow,
    };
  }
}

/** The URI of the first Contact; undefined where there is none, or `*`. */
function contactOf(message: SipMessage): string | undefined {
  const [contact] = message.headers.values('Contact');
  return contact === undefined || contact === '*' ? undefined : uriOf(contact);
}

/** Answers are not refused as requests are: what could not be written out in a request of ours is left out. */
function readableContactOf(response: SipResponse): string | undefined {
  const [contact] = response.headers.values('Contact');
  return contact === undefined ? undefined : asRequestUri(parseNameAddr(contact)?.uri ?? '');
}

function routesOf(response: SipResponse): readonly string[] {
  const routes = response.headers.values('Record-Route').toReversed();
  return routes.some((route) => asRequestUri(parseNameAddr(route)?.uri ?? '') === undefined) ? [] : routes;
}

function uriOf(value: string): string {
  const uri = parseNameAddr(value)?.uri ?? value;
  return asRequestUri(uri) ?? uri;
}
