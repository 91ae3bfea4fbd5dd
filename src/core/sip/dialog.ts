/**
 * A dialog that a request of the peer began (RFC 3261 §12.1.1): its identity, its sequence numbers, and the way of the requests
 * that we send in it.
 */
import { createRequest, parseNameAddr } from './message.ts';
import type { SipRequest } from './message.ts';
import { isTranslated, isUnreachable } from './nat.ts';
import type { SipFlow } from './transactions.ts';
import { parseUri } from './uri.ts';

/** Where a request of ours goes (RFC 3261 §12.2.1.1). */
export interface NextHop {
  readonly request: SipRequest;
  /** URI of the next hop: the first route, or the peer's contact. Undefined where the peer is behind NAT: it is to go by the flow. */
  readonly target: string | undefined;
  /** What the peer's request came on. */
  readonly flow: SipFlow;
}

export class Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** Fields of ours, complete with their tags: From of what we send, To. */
  readonly #local: string;
  readonly #remote: string;
  readonly #routes: readonly string[];
  #remoteTarget: string;
  /** What the request came on that named the target, and whether there was NAT between. */
  #flow: SipFlow;
  #translated: boolean;
  #remoteSequence: number;
  #localSequence: number;

  /**
   * @param request has From with or without a tag, To, Call-ID, CSeq, all valid.
   * @param localTag of ours, which the answers carry.
   * @param flow what the request came on.
   */
  constructor(request: SipRequest, localTag: string, flow: SipFlow) {
    const { headers } = request;
    this.callId = request.callId ?? '';
    this.localTag = localTag;
    this.remoteTag = request.fromTag ?? '';
    this.#local = `${headers.get('To') ?? ''};tag=${localTag}`;
    this.#remote = headers.get('From') ?? '';
    this.#routes = headers.values('Record-Route');
    this.#flow = flow;
    this.#translated = isTranslated(request, flow.remote);
    // An INVITE must have a Contact (§8.1.1.8); the From of one that has none is a better guess than nothing.
    this.#remoteTarget = contactOf(request) ?? request.from?.uri ?? '';
    this.#remoteSequence = request.cseq?.number ?? 0;
    this.#localSequence = 0;
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

  /** A request of ours with the next sequence number. */
  createRequest(method: string, headers: Iterable<readonly [string, string]> = [], body?: Uint8Array): NextHop {
    this.#localSequence += 1;
    const [first, ...others] = this.#routes;
    const fields: (readonly [string, string])[] = [
      ['Max-Forwards', '70'],
      ['From', this.#local],
      ['To', this.#remote],
      ['Call-ID', this.callId],
      ['CSeq', `${this.#localSequence} ${method}`],
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
function contactOf(request: SipRequest): string | undefined {
  const [contact] = request.headers.values('Contact');
  return contact === undefined || contact === '*' ? undefined : uriOf(contact);
}

function uriOf(value: string): string {
  return parseNameAddr(value)?.uri ?? value;
}
