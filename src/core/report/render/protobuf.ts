/** Writes the wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), as far as metrics need it. Pure. */

/** How a value stands on the wire. */
const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;

const encoder = new TextEncoder();

/** One message. Numbers are whole where the method says so, and below 2^52. */
export class ProtobufWriter {
  readonly #bytes: number[] = [];

  /** uint32, uint64, and enums: not negative. */
  unsigned(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(value);
  }

  /** sint32, sint64. */
  signed(field: number, value: number): void {
    this.#tag(field, VARINT);
    this.#varint(zigzag(value));
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED_64);
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    this.#append(new Uint8Array(view.buffer));
  }

  /** fixed64: not negative. */
  fixed64(field: number, value: number): void {
    this.#fixed64(field, BigInt(value));
  }

  /** A time of OTLP, nanoseconds since 1970 as fixed64. @param ms whole milliseconds since then. */
  unixNano(field: number, ms: number): void {
    this.#fixed64(field, BigInt(ms) * 1_000_000n);
  }

  text(field: number, value: string): void {
    this.#delimited(field, encoder.encode(value));
  }

  message(field: number, write: (inner: ProtobufWriter) => void): void {
    const inner = new ProtobufWriter();
    write(inner);
    this.#delimited(field, inner.#bytes);
  }

  /** Packed repeated uint64; not there when it is empty. */
  unsignedList(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    const inner = new ProtobufWriter();
    for (const value of values) inner.#varint(value);
    this.#delimited(field, inner.#bytes);
  }

  /** Packed repeated sint64; not there when it is empty. */
  signedList(field: number, values: readonly number[]): void {
    this.unsignedList(field, values.map(zigzag));
  }

  /** A message with its length in front, as they follow each other in a stream. */
  streamed(write: (inner: ProtobufWriter) => void): void {
    const inner = new ProtobufWriter();
    write(inner);
    this.#varint(inner.#bytes.length);
    this.#append(inner.#bytes);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #fixed64(field: number, value: bigint): void {
    this.#tag(field, FIXED_64);
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, value, true);
    this.#append(new Uint8Array(view.buffer));
  }

  #delimited(field: number, bytes: ArrayLike<number> & Iterable<number>): void {
    this.#tag(field, DELIMITED);
    this.#varint(bytes.length);
    this.#append(bytes);
  }

  #append(bytes: Iterable<number>): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  /** Seven bits a byte, the lowest first. By division: the operators on bits end at 32 of them. */
  #varint(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes.push((rest % 0x80) + 0x80);
    this.#bytes.push(rest);
  }
}

/** 0, −1, 1, −2 … as 0, 1, 2, 3 … */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
