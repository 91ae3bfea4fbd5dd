/** A capture from its bytes to its numbers. */
import { createDatagram, readDatagram } from './datagram.ts';
import type { FrameKind } from './datagram.ts';
import type { CapturedFrame } from './frame.ts';
import { CaptureReader } from './reader.ts';
import { StreamTable } from './streams.ts';

export class CaptureAnalysis {
  readonly table: StreamTable = new StreamTable();
  readonly #reader: CaptureReader;
  readonly #datagram = createDatagram();
  readonly #kinds: Record<FrameKind, number> = { udp: 0, 'not-ip': 0, 'not-udp': 0, fragment: 0, broken: 0 };
  /** UDP datagrams whose end is not in the file. */
  #cut = 0;
  #lastNs = 0;

  /** @param name of the file, for messages. */
  constructor(name: string) {
    this.#reader = new CaptureReader(name, (frame) => this.#frame(frame));
  }

  /** As `CaptureReader.take`. */
  take(bytes: Uint8Array, length: number): number {
    return this.#reader.take(bytes, length);
  }

  /** As `CaptureReader.finish`. */
  finish(rest: number): string | undefined {
    return this.#reader.finish(rest);
  }

  get reader(): Pick<CaptureReader, 'format' | 'baseNs' | 'foreign' | 'dropped' | 'frames' | 'bytes'> {
    return this.#reader;
  }

  get kinds(): Readonly<Record<FrameKind, number>> {
    return this.#kinds;
  }

  get cut(): number {
    return this.#cut;
  }

  /** Time of the latest frame, ns since that of the first. */
  get lastNs(): number {
    return this.#lastNs;
  }

  #frame(frame: CapturedFrame): void {
    const datagram = this.#datagram;
    if (frame.atNs > this.#lastNs) this.#lastNs = frame.atNs;
    const kind = readDatagram(frame, datagram);
    this.#kinds[kind] += 1;
    if (kind !== 'udp') return;
    if (datagram.length < datagram.sentLength) this.#cut += 1;
    this.table.take(frame.bytes, datagram, frame.atNs);
  }
}
