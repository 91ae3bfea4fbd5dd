/** Messages of any content for property tests. */
import * as fc from 'fast-check';
import { createRequest, createResponse, type SipMessage, type SipRequest, type SipResponse } from '../../../src/core/sip/message.ts';

const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
/** No line breaks, NULs or lone surrogates. */
const text = fc.string({ unit: 'grapheme', maxLength: 40 }).map((raw) => raw.replaceAll(/[\r\n\0]/g, ''));
const quoted = text.map((raw) => `"${raw.replaceAll(/["\\]/g, '\\$&')}"`);
const parameters = fc
  .uniqueArray(
    fc.tuple(
      token,
      fc.oneof(
        fc.constant(''),
        token.map((value) => `=${value}`),
        quoted.map((value) => ` = ${value}`),
      ),
    ),
    {
      selector: ([name]) => name.toLowerCase(),
      maxLength: 4,
    },
  )
  .map((pairs) => pairs.map(([name, value]) => ` ;${name}${value}`).join(''));
const address = fc
  .tuple(
    fc.oneof(fc.constant(''), token, quoted),
    fc.constantFrom('sip:a@b', 'sips:[::1]:5061;lr', 'tel:+1', 'sip:%41;x@h?y=z'),
    parameters,
  )
  .map(([display, uri, rest]) => `${display} <${uri}>${rest}`);
const via = fc
  .tuple(fc.constantFrom('UDP', 'TCP', 'TLS', 'x'), fc.constantFrom('h', '192.0.2.1:5070', '[2001:db8::1]:5060'), parameters)
  .map(([transport, sentBy, rest]) => `SIP/2.0/${transport} ${sentBy}${rest}`);

const extra: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constantFrom('Contact', 'Route', 'Record-Route'), address),
  fc.tuple(fc.constantFrom('Subject', 'X-Odd', '__proto__', 'Supported', 'constructor'), text),
  fc.tuple(
    token.map((name) => `X-${name}`),
    text,
  ),
);

export const requests: fc.Arbitrary<SipRequest> = fc
  .record({
    method: fc.oneof(fc.constantFrom('INVITE', 'BYE', 'OPTIONS'), token),
    uri: fc.constantFrom('sip:a@b', 'sips:[::1]', 'tel:+1-2', 'sip:%00@h;lr;x=%25'),
    vias: fc.array(via, { minLength: 1, maxLength: 3 }),
    from: address,
    to: address,
    callId: token,
    number: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    extras: fc.array(extra, { maxLength: 6 }),
    body: fc.uint8Array({ maxLength: 200 }),
  })
  .map(({ method, uri, vias, from, to, callId, number, extras, body }) =>
    createRequest(
      method,
      uri,
      [
        ...vias.map((value) => ['Via', value] as const),
        ['From', from],
        ['To', to],
        ['Call-ID', callId],
        ['CSeq', `${number} ${method}`],
        ...extras,
        ['Content-Length', String(body.length)],
      ],
      body,
    ),
  );

export const responses: fc.Arbitrary<SipResponse> = fc
  .tuple(requests, fc.integer({ min: 100, max: 699 }), text, fc.array(extra, { maxLength: 3 }), fc.uint8Array({ maxLength: 100 }))
  .map(([request, status, reason, headers, body]) =>
    createResponse(request, status, { reason, toTag: 'tag', headers: [...headers, ['Content-Length', String(body.length)]], body }),
  );

export const messages: fc.Arbitrary<SipMessage> = fc.oneof(requests, responses);

/** All of a message that is on the wire, to compare two by. */
export function contents(message: SipMessage): object {
  const start = message.kind === 'request' ? [message.method, message.uri] : [message.status, message.reason];
  return { start, headers: [...message.headers.entries()], body: [...message.body] };
}
