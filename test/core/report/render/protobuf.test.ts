import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtobufWriter } from '../../../../src/core/report/render/protobuf.ts';
import { readFields, readSignedList, readStream, signed } from './protobuf-reader.ts';

function written(write: (writer: ProtobufWriter) => void): readonly number[] {
  const writer = new ProtobufWriter();
  write(writer);
  return [...writer.bytes()];
}

describe('ProtobufWriter', () => {
  // protobuf.dev/programming-guides/encoding.
  it('writes the examples of the specification', () => {
    expect(written((writer) => writer.unsigned(1, 150))).toEqual([0x08, 0x96, 0x01]);
    expect(written((writer) => writer.text(2, 'testing'))).toEqual([0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
    expect(written((writer) => writer.message(3, (inner) => inner.unsigned(1, 150)))).toEqual([0x1a, 0x03, 0x08, 0x96, 0x01]);
    for (const [value, byte] of Object.entries({ 0: 0, '-1': 1, 1: 2, '-2': 3 })) {
      expect(written((writer) => writer.signed(1, Number(value)))).toEqual([0x08, byte]);
    }
    expect(written((writer) => writer.double(1, 1))).toEqual([0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
    expect(written((writer) => writer.signedList(4, []))).toEqual([]);
  });

  it('writes what reads back the same', () => {
    const whole = fc.integer({ min: 0, max: 2 ** 51 });
    const either = fc.integer({ min: -(2 ** 51), max: 2 ** 51 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        whole,
        either,
        fc.double(),
        fc.string(),
        fc.array(either),
        (at, n, z, d, text, list) => {
          const writer = new ProtobufWriter();
          writer.streamed((message) => {
            message.unsigned(at, n);
            message.signed(at, z);
            message.double(at, d);
            message.message(at, (inner) => inner.text(1, text));
            message.signedList(at, list);
          });
          const [fields = []] = readStream(writer.bytes());
          expect(new Set(fields.map(({ number }) => number))).toEqual(new Set([at]));
          const [first, second, third, fourth, fifth] = fields;
          expect(first?.value).toBe(n);
          expect(signed(second?.value ?? Number.NaN) + 0).toBe(z + 0);
          expect(third?.value).toBe(d);
          const [inner] = readFields(fourth?.bytes ?? new Uint8Array());
          expect(inner?.bytes).toEqual(new TextEncoder().encode(text));
          expect(readSignedList(fifth?.bytes ?? new Uint8Array()).map((value) => value + 0)).toEqual(list.map((value) => value + 0));
        },
      ),
    );
  });
});
