/** What a receiver of OTLP says that it has not taken: the ExportMetricsServiceResponse. Pure. */

export interface PartialSuccess {
  readonly rejected: number;
  /** As the receiver writes it; may be empty. */
  readonly reason: string;
}

/** Of a response: partial_success. Of that: rejected_data_points, error_message. */
const PARTIAL_SUCCESS = 1;
const REJECTED = 1;
const REASON = 2;

/** undefined when it has taken everything. Receivers that answer something else have said so by their status. */
export function readPartialSuccess(body: Uint8Array): PartialSuccess | undefined {
  const inner = fieldsOf(body)?.find(({ field, bytes }) => field === PARTIAL_SUCCESS && bytes !== undefined)?.bytes;
  const fields = inner === undefined ? undefined : fieldsOf(inner);
  const rejected = fields?.findLast(({ field }) => field === REJECTED)?.value ?? 0;
  if (rejected === 0) return undefined;
  return { rejected, reason: new TextDecoder().decode(fields?.findLast(({ field }) => field === REASON)?.bytes) };
}

interface Field {
  readonly field: number;
  /** Of a varint. */
  readonly value?: number;
  /** Of what has a length. */
  readonly bytes?: Uint8Array;
}

/** undefined when it is not the wire format, or has more than varints and what has a length. */
function fieldsOf(body: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < body.length; factor *= 128) {
      const byte = body[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < body.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    if (tag % 8 === 0) {
      fields.push({ field, value: varint() });
    } else if (tag % 8 === 2) {
      const length = varint();
      if (!(at + length <= body.length)) return undefined;
      fields.push({ field, bytes: body.subarray(at, at + length) });
      at += length;
    } else {
      return undefined;
    }
  }
  return fields.some(({ value }) => Number.isNaN(value)) ? undefined : fields;
}
