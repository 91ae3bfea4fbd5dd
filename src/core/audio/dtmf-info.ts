/**
 * DTMF in the body of a SIP INFO request: `application/dtmf-relay` ("Signal=5\r\nDuration=160") and `application/dtmf` ("5").
 * Neither has a standard; what is accepted is what telephones and PBXs send.
 */
import { telephoneEventName } from '../rtp/telephone-event.ts';

export interface InfoDigit {
  /** `0` … `9`, `*`, `#`, `A` … `D` or `flash`. */
  readonly digit: string;
  /** undefined when the body does not say, or says nonsense. */
  readonly durationMs: number | undefined;
}

/** Bytes: what is longer is not a digit. */
const BODY_MAXIMUM = 512;
/** Lines of a body that are looked at. */
const LINES_MAXIMUM = 16;
const DURATION_MAXIMUM_MS = 60_000;

/** The digit of an INFO with this Content-Type and body; undefined when there is none in it. Never throws. */
export function parseDtmfInfo(contentType: string, body: Uint8Array): InfoDigit | undefined {
  if (body.length > BODY_MAXIMUM) return undefined;
  const text = new TextDecoder().decode(body);
  const parameters = contentType.indexOf(';');
  switch ((parameters < 0 ? contentType : contentType.slice(0, parameters)).trim().toLowerCase()) {
    case 'application/dtmf-relay':
      return relayed(text);
    case 'application/dtmf': {
      const digit = digitOf(text.trim());
      return digit === undefined ? relayed(text) : { digit, durationMs: undefined };
    }
    default:
      return undefined;
  }
}

function relayed(text: string): InfoDigit | undefined {
  let digit: string | undefined;
  let durationMs: number | undefined;
  for (const line of text.split('\n', LINES_MAXIMUM)) {
    const equals = line.indexOf('=');
    if (equals < 0) continue;
    const value = line.slice(equals + 1).trim();
    switch (line.slice(0, equals).trim().toLowerCase()) {
      case 'signal':
        digit ??= digitOf(value);
        break;
      case 'duration':
        durationMs ??= durationOf(value);
        break;
      default:
        break;
    }
  }
  return digit === undefined ? undefined : { digit, durationMs };
}

/** A key; or, as some send it, the code of RFC 4733 for those that are not digits (10 is *, 16 flash); or `!`, flash. */
function digitOf(value: string): string | undefined {
  if (value === '!') return 'flash';
  if (value.length === 1) {
    const key = value.toUpperCase();
    return '0123456789*#ABCD'.includes(key) ? key : undefined;
  }
  const code = value.length === 2 ? wholeNumber(value) : undefined;
  return code === undefined || code < 10 ? undefined : telephoneEventName(code);
}

function durationOf(value: string): number | undefined {
  const durationMs = value.length <= 5 ? wholeNumber(value) : undefined;
  return durationMs === undefined || durationMs > DURATION_MAXIMUM_MS ? undefined : durationMs;
}

/** Decimal digits only. */
function wholeNumber(text: string): number | undefined {
  if (text === '') return undefined;
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    number = number * 10 + digit;
  }
  return number;
}
