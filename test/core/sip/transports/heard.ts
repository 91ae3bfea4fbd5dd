/** Who is served by a transport under test: writes down what it is told, and lets a test await it. */
import type { SipFlow } from '../../../../src/core/sip/transactions.ts';
import type { TransportUser } from '../../../../src/core/sip/transports/transport.ts';

const decoder = new TextDecoder();

export class Heard implements TransportUser {
  readonly messages: { readonly text: string; readonly flow: SipFlow }[] = [];
  readonly failures: { readonly flow: SipFlow; readonly reason: string }[] = [];
  /** What is sent back for each message; nothing where undefined. */
  answer: Uint8Array | undefined;
  /** Whose messages are looked at. */
  admitted: (address: string) => boolean = () => true;
  #waiting: (() => void)[] = [];

  admits(address: string): boolean {
    return this.admitted(address);
  }

  message(bytes: Uint8Array, flow: SipFlow): void {
    this.messages.push({ text: decoder.decode(bytes), flow });
    if (this.answer !== undefined) flow.send(this.answer);
    this.#wake();
  }

  failed(flow: SipFlow, reason: string): void {
    this.failures.push({ flow, reason });
    this.#wake();
  }

  /** Settles when so many messages have come. */
  async got(count: number): Promise<readonly string[]> {
    await this.#until(() => this.messages.length >= count);
    return this.messages.map(({ text }) => text);
  }

  /** Settles when so many flows have failed; why each did. */
  async lost(count: number): Promise<readonly string[]> {
    await this.#until(() => this.failures.length >= count);
    return this.failures.map(({ reason }) => reason);
  }

  async #until(met: () => boolean): Promise<void> {
    while (!met()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A message with a body of so many bytes. */
export function message(cseq: number, bodyBytes = 0): string {
  return `OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nCSeq: ${cseq} OPTIONS\r\nContent-Length: ${bodyBytes}\r\n\r\n${'x'.repeat(bodyBytes)}`;
}
