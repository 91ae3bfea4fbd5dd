/** What the transports hand to whoever serves them. */
import type { SipFlow } from '../transactions.ts';

export interface TransportUser {
  /** One message as it came, whole. Its bytes stay as they are. */
  message(bytes: Uint8Array, flow: SipFlow): void;
  /** The flow is no more, or could not carry what it was given. */
  failed(flow: SipFlow, reason: string): void;
}

export interface TransportCounts {
  /** Messages, and what was taken for them. */
  received: number;
  sent: number;
  /** What the kernel refused, or a peer did not take. */
  sendErrors: number;
}
