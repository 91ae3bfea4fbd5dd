/** What the transports hand to whoever serves them. */
import type { SipFlow } from '../transactions.ts';

export interface TransportUser {
  /** Whether a message from that address is to be looked at: asked before anything is spent on it. */
  admits(address: string): boolean;
  /** One message as it came, whole. Its bytes stay as they are. */
  message(bytes: Uint8Array, flow: SipFlow): void;
  /** The flow is no more, or could not carry what it was given. May be told again of a flow that is used nevertheless. */
  failed(flow: SipFlow, reason: string): void;
}

export interface TransportCounts {
  /** Messages, and what was taken for them. */
  received: number;
  sent: number;
  /** What the kernel refused, or a peer did not take. */
  sendErrors: number;
}

/** Whose certificate is expected of a peer that we connect to. */
export interface TlsTrust {
  /** Host name or numeric address. */
  readonly name: string;
  /** Certificates of authorities, PEM; those that Node.js has where undefined. */
  readonly ca: string | undefined;
  /** Whether a peer that has not such a certificate is refused. */
  readonly verify: boolean;
}

/** A connection that we open by ourselves, and keep open. */
export interface ReachOptions {
  readonly trust: TlsTrust;
  /** It is no more. */
  readonly lost: () => void;
}
