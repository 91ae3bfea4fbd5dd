/**
 * How messages find their transaction: RFC 3261 §17.1.3 for responses, §17.2.3 for requests.
 *
 * A key is one flat string: it lives as long as the transaction, and must not hold the text of the message that it was cut from.
 * That is why all of them end in `toLowerCase` or `JSON.stringify`, which copy. Tokens and host names are case-insensitive anyway.
 */
import type { SipRequest, Via } from '../message.ts';

/** Every branch of RFC 3261 begins with it (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK';

const cookie = MAGIC_COOKIE.toLowerCase();

/** Whether the branch is unique by itself. A bare cookie is not: clients that send it use it for every request. */
export function hasUniqueBranch(via: Via): boolean {
  const branch = via.params.get('branch');
  return branch !== undefined && branch.length > cookie.length && branch.slice(0, cookie.length).toLowerCase() === cookie;
}

/**
 * The key of the server transaction that a request belongs to.
 *
 * @param via topmost of the request.
 * @param method of the transaction: INVITE for the ACK of a refusal, and for what a CANCEL cancels.
 * @param untagged only for peers from before RFC 3261: the request of the transaction had no To tag, whatever this one has.
 */
export function serverKey(request: SipRequest, via: Via, method: string, untagged = false): string {
  // sent-by belongs to it: two clients may use the same branch by accident or ill will.
  if (hasUniqueBranch(via)) return `${method} ${via.host}:${via.port ?? ''} ${via.params.get('branch') ?? ''}`.toLowerCase();
  const { uri, fromTag, callId, cseq } = request;
  const toTag = untagged ? undefined : request.toTag;
  const branch = via.params.get('branch') ?? null;
  return JSON.stringify([
    method,
    uri,
    toTag ?? null,
    fromTag ?? null,
    callId ?? null,
    cseq?.number ?? null,
    via.host,
    via.port ?? null,
    branch,
  ]);
}

/** The key of the client transaction that a response belongs to. @param method of its CSeq: a CANCEL has the branch of its INVITE. */
export function clientKey(method: string, branch: string): string {
  return `${method} ${branch}`.toLowerCase();
}
