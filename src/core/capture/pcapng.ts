/**
 * The newer capture format (draft-ietf-opsawg-pcapng): blocks, each with its type and its length before and behind it. Sections
 * may differ in byte order; each interface has its own link type and unit of time. Blocks of other types are passed over.
 */
import { RtplatError } from '../errors.ts';
import { FRAME_BYTES, isKnownLink, MAX_FRAME_BYTES } from './frame.ts';
import type { CapturedFrame, FormatReader } from './frame.ts';

/** Of the section header: a palindrome, the same in both byte orders. */
export const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE = 1;
/** The packet block of old files; laid out as the enhanced one but for the number of the interface. */
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
/** Type, length, and the length again. */
const BLOCK_FRAME = 12;
const BLOCK_HEAD = 8;
const MAJOR = 1;
/** Bytes of a block's body before its options. */
const LEAST = { section: 16, interface: 8, statistics: 12 } as const;
const MAX_INTERFACES = 4_096;
const PACKET_HEAD = 20;

const OPTION_END = 0;
const OPTION_TIME_UNIT = 9;
const OPTION_TIME_OFFSET = 14;
const DEFAULT_TIME_UNIT = 6;
/** Of the statistics: frames that the interface dropped for want of resources, and that the operating system did. */
const OPTION_INTERFACE_DROPS = 5;
const OPTION_SYSTEM_DROPS = 7;

interface Interface {
  readonly linkType: number;
  readonly known: boolean;
  /** 0: no limit. */
  readonly snapLength: number;
  /** What if_tsresol says: 10 to the power of minus it, or with its upper bit, 2. */
  readonly timeUnit: number;
  readonly unitNs: number;
  readonly offsetSeconds: bigint;
  /** The time of its first frame as the file has it, and since the first frame of the file; NaN before there is one. */
  high: number;
  low: number;
  firstNs: number;
  /** Frames that came and are not in the file, by the latest statistics; null when there are none. */
  dropped: number | null;
}

export class PcapngReader implements FormatReader {
  readonly format = 'pcapng';
  readonly #name: string;
  readonly #frame: CapturedFrame;
  readonly #onFrame: () => void;
  #little = false;
  #interfaces: Interface[] = [];
  #base: bigint | undefined;
  #foreign = 0;
  /** In the sections before. */
  #droppedBefore: number | null = null;
  /** Where `take` is, for messages. */
  #start = 0;
  #fileOffset = 0;

  /** @param frame is filled before each call of `onFrame`. */
  constructor(name: string, frame: CapturedFrame, onFrame: () => void) {
    this.#name = name;
    this.#frame = frame;
    this.#onFrame = onFrame;
  }

  get baseNs(): bigint | undefined {
    return this.#base;
  }

  get foreign(): number {
    return this.#foreign;
  }

  get dropped(): number | null {
    return this.#interfaces.reduce((sum, { dropped }) => (dropped === null ? sum : (sum ?? 0) + dropped), this.#droppedBefore);
  }

  take(bytes: Uint8Array, start: number, end: number, fileOffset: number): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#frame.bytes = bytes;
    this.#start = start;
    this.#fileOffset = fileOffset;
    let at = start;
    while (end - at >= BLOCK_FRAME) {
      const type = view.getUint32(at, this.#little);
      if (type === SECTION_HEADER) this.#orient(view, at);
      const length = view.getUint32(at + 4, this.#little);
      if (length < BLOCK_FRAME || length % 4 !== 0) throw this.#damaged(at, `a block cannot be ${length} bytes long`);
      const isPacket = type === ENHANCED_PACKET || type === OLD_PACKET;
      if (isPacket && length < BLOCK_FRAME + PACKET_HEAD) throw this.#damaged(at, `a packet block cannot be ${length} bytes long`);
      const wanted = length < FRAME_BYTES ? length : FRAME_BYTES;
      if (end - at < wanted) return at;
      if (wanted === length && view.getUint32(at + length - 4, this.#little) !== length) {
        throw this.#damaged(
          at,
          `a block is ${length} bytes long by its beginning but ${view.getUint32(at + length - 4, this.#little)} by its end`,
        );
      }
      if (isPacket) this.#packet(view, at, length, wanted, type);
      else if (type === SIMPLE_PACKET) this.#simplePacket(view, at, length, wanted);
      else if (type === STATISTICS) this.#statistics(view, at, length, wanted);
      else if (type === INTERFACE) this.#describe(view, at, length, wanted);
      else if (type === SECTION_HEADER) this.#section(view, at, length);
      at += length;
    }
    return at;
  }

  #packet(view: DataView, at: number, length: number, wanted: number, type: number): void {
    const little = this.#little;
    const number = type === ENHANCED_PACKET ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little);
    const from = this.#interfaces[number];
    if (from === undefined) throw this.#damaged(at, `a frame is of interface ${number}, and ${this.#interfaces.length} are described`);
    const captured = view.getUint32(at + 20, little);
    if (captured > length - BLOCK_FRAME - PACKET_HEAD) {
      throw this.#damaged(at, `a frame of ${captured} bytes does not fit into its block of ${length}`);
    }
    if (!this.#isWanted(from, at, captured)) return;
    const frame = this.#frame;
    frame.atNs = this.#timeOf(from, view.getUint32(at + 12, little), view.getUint32(at + 16, little));
    frame.offset = at + BLOCK_HEAD + PACKET_HEAD;
    frame.length = Math.min(captured, wanted - BLOCK_HEAD - PACKET_HEAD);
    frame.linkType = from.linkType;
    this.#onFrame();
  }

  /** Of the first interface, without a time; cut at what that captures of a frame. */
  #simplePacket(view: DataView, at: number, length: number, wanted: number): void {
    const [from] = this.#interfaces;
    if (from === undefined) throw this.#damaged(at, 'a frame comes before any interface is described');
    if (length < BLOCK_FRAME + 4) throw this.#damaged(at, `a packet block cannot be ${length} bytes long`);
    const original = view.getUint32(at + 8, this.#little);
    const captured = Math.min(original, from.snapLength === 0 ? original : from.snapLength, length - BLOCK_FRAME - 4);
    if (!this.#isWanted(from, at, captured)) return;
    const frame = this.#frame;
    frame.atNs = Number.NaN;
    frame.offset = at + BLOCK_HEAD + 4;
    frame.length = Math.min(captured, wanted - BLOCK_HEAD - 4);
    frame.linkType = from.linkType;
    this.#onFrame();
  }

  #isWanted(from: Interface, at: number, captured: number): boolean {
    if (!from.known) {
      this.#foreign += 1;
      return false;
    }
    if (captured > MAX_FRAME_BYTES) throw this.#damaged(at, `a frame says it is ${captured} bytes long, at most ${MAX_FRAME_BYTES} can be`);
    return true;
  }

  /** Times of 64 bits do not fit into a double; their distance from the first one of the interface does. */
  #timeOf(from: Interface, high: number, low: number): number {
    if (Number.isNaN(from.firstNs)) {
      const nowNs = wallNs(from, high, low);
      this.#base ??= nowNs;
      from.high = high;
      from.low = low;
      from.firstNs = Number(nowNs - this.#base);
    }
    return from.firstNs + ((high - from.high) * 2 ** 32 + (low - from.low)) * from.unitNs;
  }

  #orient(view: DataView, at: number): void {
    if (view.getUint32(at + 8) === BYTE_ORDER_MAGIC) this.#little = false;
    else if (view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#little = true;
    else throw this.#damaged(at, 'a section does not say its byte order');
  }

  #section(view: DataView, at: number, length: number): void {
    if (length < BLOCK_FRAME + LEAST.section) throw this.#damaged(at, `a section header cannot be ${length} bytes long`);
    const major = view.getUint16(at + 12, this.#little);
    const minor = view.getUint16(at + 14, this.#little);
    if (major !== MAJOR) {
      throw new RtplatError(
        'format',
        `${this.#name} has a section of pcapng ${major}.${minor} at byte ${this.#offsetOf(at)}; only ${MAJOR}.x is read`,
      );
    }
    this.#droppedBefore = this.dropped;
    this.#interfaces = [];
  }

  #statistics(view: DataView, at: number, length: number, wanted: number): void {
    if (length < BLOCK_FRAME + LEAST.statistics) throw this.#damaged(at, `interface statistics cannot be ${length} bytes long`);
    const from = this.#interfaces[view.getUint32(at + 8, this.#little)];
    if (from === undefined) throw this.#damaged(at, 'statistics are of an interface that is not described');
    let dropped: bigint | undefined;
    this.#eachOption(view, at + BLOCK_HEAD + LEAST.statistics, at + Math.min(wanted, length - 4), (code, size, value) => {
      if ((code === OPTION_INTERFACE_DROPS || code === OPTION_SYSTEM_DROPS) && size >= 8) {
        dropped = (dropped ?? 0n) + view.getBigUint64(value, this.#little);
      }
    });
    if (dropped !== undefined) from.dropped = Number(dropped);
  }

  #eachOption(view: DataView, start: number, end: number, take: (code: number, size: number, at: number) => void): void {
    let option = start;
    while (option + 4 <= end) {
      const code = view.getUint16(option, this.#little);
      const size = view.getUint16(option + 2, this.#little);
      if (code === OPTION_END) return;
      if (option + 4 + size > end) throw this.#damaged(option, `an option of ${size} bytes does not fit into its block`);
      take(code, size, option + 4);
      option += 4 + size + ((4 - (size % 4)) % 4);
    }
  }

  #describe(view: DataView, at: number, length: number, wanted: number): void {
    if (length < BLOCK_FRAME + LEAST.interface) throw this.#damaged(at, `an interface description cannot be ${length} bytes long`);
    if (this.#interfaces.length === MAX_INTERFACES) throw this.#damaged(at, `a section has more than ${MAX_INTERFACES} interfaces`);
    const little = this.#little;
    let timeUnit = DEFAULT_TIME_UNIT;
    let offsetSeconds = 0n;
    this.#eachOption(view, at + BLOCK_HEAD + LEAST.interface, at + Math.min(wanted, length - 4), (code, size, value) => {
      if (code === OPTION_TIME_UNIT && size >= 1) timeUnit = view.getUint8(value);
      if (code === OPTION_TIME_OFFSET && size >= 8) offsetSeconds = view.getBigInt64(value, little);
    });
    const linkType = view.getUint16(at + 8, little);
    this.#interfaces.push({
      linkType,
      known: isKnownLink(linkType),
      snapLength: view.getUint32(at + 12, little),
      timeUnit,
      unitNs: timeUnit < 0x80 ? 10 ** (9 - timeUnit) : 1e9 / 2 ** (timeUnit & 0x7f),
      offsetSeconds,
      high: 0,
      low: 0,
      firstNs: Number.NaN,
      dropped: null,
    });
  }

  #offsetOf(at: number): number {
    return this.#fileOffset + at - this.#start;
  }

  #damaged(at: number, what: string): RtplatError {
    return new RtplatError('format', `${this.#name} is damaged: ${what}, at byte ${this.#offsetOf(at)}`);
  }
}

/** Nanoseconds since 1970. */
function wallNs({ timeUnit, offsetSeconds }: Interface, high: number, low: number): bigint {
  const units = BigInt(high) * 2n ** 32n + BigInt(low);
  const unitsASecond = timeUnit < 0x80 ? 10n ** BigInt(timeUnit) : 2n ** BigInt(timeUnit & 0x7f);
  return offsetSeconds * 1_000_000_000n + (units * 1_000_000_000n) / unitsASecond;
}
