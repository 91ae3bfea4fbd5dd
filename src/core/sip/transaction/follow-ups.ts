/** The requests that go the way of an INVITE, hop by hop: the ACK of a refusal and the CANCEL. Both have its Via, branch and all. */
import { createRequest } from '../message.ts';
import type { SipRequest, SipResponse } from '../message.ts';

/** RFC 3261 §17.1.1.3; credentials are repeated (§22.1), because an ACK cannot be challenged. */
export function createAck(invite: SipRequest, response: SipResponse): SipRequest {
  const fields = hopFields(invite, 'ACK', response.headers.get('To') ?? '');
  for (const name of ['Authorization', 'Proxy-Authorization']) {
    for (const value of invite.headers.all(name)) fields.push([name, value]);
  }
  return createRequest('ACK', invite.uri, fields);
}

/** RFC 3261 §9.1: To without a tag that the INVITE did not have, and nothing that asks for an extension. */
export function createCancel(invite: SipRequest, headers: Iterable<readonly [string, string]>): SipRequest {
  return createRequest('CANCEL', invite.uri, [...hopFields(invite, 'CANCEL', invite.headers.get('To') ?? ''), ...headers]);
}

function hopFields(invite: SipRequest, method: string, to: string): [string, string][] {
  const { headers } = invite;
  return [
    ['Via', headers.values('Via')[0] ?? ''],
    ['Max-Forwards', '70'],
    ['From', headers.get('From') ?? ''],
    ['To', to],
    ['Call-ID', headers.get('Call-ID') ?? ''],
    ['CSeq', `${invite.cseq?.number ?? 0} ${method}`],
    ...headers.all('Route').map((value): [string, string] => ['Route', value]),
  ];
}
