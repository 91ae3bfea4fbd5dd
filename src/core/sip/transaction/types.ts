/** What the transaction layer takes from a transport and gives to its user. */
import type { Endpoint } from '../../values/address.ts';
import type { SipRequest, SipResponse } from '../message.ts';

/** Where a message came from and where its answer goes: a transport's handle for one remote peer. */
export interface SipFlow {
  readonly transport: 'UDP' | 'TCP' | 'TLS';
  /** Whether the transport itself repeats what is lost; a reliable flow is one object as long as its connection lasts. */
  readonly reliable: boolean;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Never throws; a failure is told to `flowFailed` of the layer after this call has returned. */
  send(bytes: Uint8Array): void;
  /** The same socket towards another peer, whose address is numeric; only datagram flows have it. Never throws either. */
  to?(remote: Endpoint): SipFlow;
}

export interface TransactionUser {
  /** A new request, never ACK or CANCEL; once for all its retransmissions. If this throws, the request is answered 500. */
  request(request: SipRequest, transaction: ServerTransaction, nowMs: number): void;
  /** An ACK that no INVITE transaction waits for: that of a 2xx, or of nothing. Retransmissions come too. */
  ack(request: SipRequest, flow: SipFlow, nowMs: number): void;
  /** An INVITE without a final answer is cancelled, once; the layer has answered the CANCEL, the user answers the INVITE 487 (RFC 3261 §9.2). */
  cancelled(invite: ServerTransaction, nowMs: number): void;
  /** A 2xx to an INVITE that no client transaction waits for (any more): it wants an ACK and a BYE. */
  strayResponse(response: SipResponse, flow: SipFlow, nowMs: number): void;
}

/**
 * `timeout`: no final answer to a request other than INVITE within 64·T1, and none will be sent any more (RFC 4320 §4.2).
 * `no ACK`: a refused INVITE was not acknowledged within 64·T1 (timer H).
 * `transport error`: the flow failed. The transaction stays (RFC 6026 §8.8) and still sends what it is given, but an answer is
 * not likely to arrive.
 */
export type ServerEnd = 'timeout' | 'no ACK' | 'transport error';

/** A request of the peer, to be answered (RFC 3261 §17.2). */
export interface ServerTransaction {
  /** Gone after the final answer. */
  readonly request: SipRequest | undefined;
  /** What the request came on. */
  readonly flow: SipFlow;
  readonly method: string;
  readonly id: string;
  readonly state: ServerState;
  /**
   * Sends the answer when the state allows it, else does nothing. A 2xx to INVITE is not retransmitted: the user gives it again
   * until its ACK comes (RFC 3261 §13.3.1.4), for 64·T1. To other requests no provisional answer but 100, no 408 and nothing
   * after 64·T1 is ever sent (RFC 4320). An INVITE waits for its final answer without a limit: the user must give one.
   */
  respond(response: SipResponse, nowMs: number): void;
  /** Called at most once, when it ends otherwise than by the user's answer. */
  onEnd: ((reason: ServerEnd, nowMs: number) => void) | undefined;
}

export type ServerState = 'Trying' | 'Proceeding' | 'Accepted' | 'Completed' | 'Confirmed' | 'Terminated';

/** Hears of a request of ours: provisional answers, then exactly one of a final answer, `timeout` and `failed`. */
export interface ClientUser {
  /** A provisional or the final answer; of INVITE, every 2xx within 64·T1 of the first, retransmissions too (RFC 6026 §8.4). */
  response(response: SipResponse, flow: SipFlow, nowMs: number): void;
  /** No final answer in time (timers B, F, C): as good as a 408. */
  timeout(nowMs: number): void;
  /** The flow failed: as good as a 503. */
  failed(nowMs: number): void;
}

/** A request of ours (RFC 3261 §17.1). */
export interface ClientTransaction {
  readonly id: string;
  readonly request: SipRequest;
  readonly state: ClientState;
  /**
   * Gives an INVITE up (RFC 3261 §9.1): CANCEL goes out at once, or after the first provisional answer; no final answer 64·T1 later
   * is a timeout. Does nothing for other requests, and after a final answer.
   *
   * @param headers more of them for the CANCEL, such as Reason.
   */
  cancel(nowMs: number, headers?: Iterable<readonly [string, string]>): void;
}

export type ClientState = 'Calling' | 'Trying' | 'Proceeding' | 'Accepted' | 'Completed' | 'Terminated';

/** The first four are those alive, the others totals. */
export interface TransactionCounts {
  readonly inviteServers: number;
  readonly otherServers: number;
  readonly inviteClients: number;
  readonly otherClients: number;
  /** Requests and final answers that came again. */
  readonly retransmissionsIn: number;
  /** Requests and answers that were sent again, by a timer or because the peer asked again. */
  readonly retransmissionsOut: number;
  /** Requests of ours without a final answer. */
  readonly timeouts: number;
  /** Refusals of ours without an ACK. */
  readonly unacknowledged: number;
  /** Requests other than INVITE that the user did not answer in time. */
  readonly unanswered: number;
  /** Answers of the user that were not to be sent: too late, or none that the request may get. */
  readonly withheld: number;
  /** Transactions whose flow failed. */
  readonly failures: number;
  /** Requests answered 503 because there were too many. */
  readonly refused: number;
  /** Messages that belonged to nothing and were dropped. */
  readonly ignored: number;
}
