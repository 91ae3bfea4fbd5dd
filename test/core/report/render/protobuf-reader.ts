/** Reads the wire format of Protocol Buffers without a schema: as far as it is needed to see what was written. */

export interface Field {
  readonly number: number;
  /** Of a varint, or of eight bytes as a double. */
  readonly value: number;
  /** The same eight bytes as a whole number. */
  readonly fixed: bigint;
  /** Of anything that has a length. */
  readonly bytes: Uint8Array;
}

export function readFields(bytes: Uint8Array): readonly Field[] {
  const reader = new Reader(bytes);
  const fields: Field[] = [];
  while (!reader.atEnd) {
    const tag = reader.varint();
    const number = Math.floor(tag / 8);
    const none = new Uint8Array();
    if (tag % 8 === 0) fields.push({ number, value: reader.varint(), fixed: 0n, bytes: none });
    else if (tag % 8 === 1) fields.push({ number, ...reader.eight(), bytes: none });
    else if (tag % 8 === 2) fields.push({ number, value: Number.NaN, fixed: 0n, bytes: reader.delimited() });
    else throw new Error(`wire type ${tag % 8}`);
  }
  return fields;
}

/** Messages that have their length in front. */
export function readStream(bytes: Uint8Array): readonly (readonly Field[])[] {
  const reader = new Reader(bytes);
  const messages: (readonly Field[])[] = [];
  while (!reader.atEnd) messages.push(readFields(reader.delimited()));
  return messages;
}

/** A packed list of uint64. */
export function readVarints(bytes: Uint8Array): readonly number[] {
  const reader = new Reader(bytes);
  const values: number[] = [];
  while (!reader.atEnd) values.push(reader.varint());
  return values;
}

/** A packed list of sint64. */
export function readSignedList(bytes: Uint8Array): readonly number[] {
  return readVarints(bytes).map(signed);
}

export function signed(raw: number): number {
  return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#take(1)[0] as number;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  }

  eight(): Pick<Field, 'value' | 'fixed'> {
    const bytes = this.#take(8);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return { value: view.getFloat64(0, true), fixed: view.getBigUint64(0, true) };
  }

  delimited(): Uint8Array {
    return this.#take(this.varint());
  }

  #take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new Error('cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
