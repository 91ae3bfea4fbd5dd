import { describe, expect, test } from 'vitest';
import { serverDialog } from '../../../src/core/sip/dialog.ts';
import { PEER, request, Rig, RigFlow } from '../../kit/sip-rig.ts';

const rig = new Rig();
const flow = new RigFlow(rig, 'UDP', PEER);

test('our requests have From and To turned round, our tag, and a number of their own (RFC 3261 §12.2.1.1)', () => {
  const dialog = serverDialog(request('INVITE', { Contact: '<sip:alice@192.0.2.20>' }), 'ours', flow);
  const first = dialog.createRequest('INFO').request;
  const { request: bye, target } = dialog.createRequest('BYE');
  expect([first.cseq?.number, bye.cseq?.number]).toEqual([1, 2]);
  expect([bye.uri, target]).toEqual(['sip:alice@192.0.2.20', 'sip:alice@192.0.2.20']);
  expect(bye.headers.get('From')).toBe('Bob <sip:bob@example.com>;tag=ours');
  expect(bye.headers.get('To')).toBe('Alice <sip:alice@example.com>;tag=theirs');
  // §20: a BYE has no Contact.
  expect([bye.headers.has('Contact'), bye.headers.has('Route')]).toEqual([false, false]);
});

test('a lower number is out of order, the same one and any higher are not (§12.2.2)', () => {
  const dialog = serverDialog(request('INVITE', { CSeq: '5 INVITE' }), 'ours', flow);
  const numbers = ['4 INFO', '5 INFO', '9 INFO', '8 INFO'];
  expect(numbers.map((CSeq) => dialog.inOrder(request('INFO', { CSeq })))).toEqual([false, true, true, false]);
});

test('a refresh without a usable contact changes nothing', () => {
  const dialog = serverDialog(request('INVITE', { Contact: '<sip:alice@192.0.2.20>' }), 'ours', flow);
  dialog.refreshTarget(request('UPDATE'), flow);
  dialog.refreshTarget(request('UPDATE', { Contact: '*' }), flow);
  expect(dialog.remoteTarget).toBe('sip:alice@192.0.2.20');
  dialog.refreshTarget(request('UPDATE', { Contact: '<sip:alice@192.0.2.21>;expires=1' }), flow);
  expect(dialog.remoteTarget).toBe('sip:alice@192.0.2.21');
});

test('without a contact it is the From that is asked', () => {
  expect(serverDialog(request('INVITE'), 'ours', flow).createRequest('BYE').target).toBe('sip:alice@example.com');
});

describe('where a request of ours goes', () => {
  const outside = new RigFlow(rig, 'UDP', { address: '203.0.113.9', port: 40_000 });
  const via = (sentBy: string): string => `SIP/2.0/UDP ${sentBy};branch=z9hG4bK1`;
  const NAT = via('10.0.0.5;rport');
  const PLAIN = via('203.0.113.9:40000;rport');

  test.each([
    ['a contact elsewhere is followed', { Via: PLAIN, Contact: '<sip:a@198.51.100.7>' }, 'sip:a@198.51.100.7'],
    ['so is one that is a name', { Via: PLAIN, Contact: '<sip:a@pc.example.com>' }, 'sip:a@pc.example.com'],
    ['a private contact of a peer outside is not', { Via: PLAIN, Contact: '<sip:a@192.168.1.5:5060>' }, undefined],
    ['nor one that a NAT has come before', { Via: NAT, Contact: '<sip:a@198.51.100.7>' }, undefined],
    ['a route is', { Via: NAT, Contact: '<sip:a@10.0.0.5>', 'Record-Route': '<sip:198.51.100.7;lr>' }, 'sip:198.51.100.7;lr'],
    ['but not to an address inside', { Via: PLAIN, Contact: '<sip:a@203.0.113.9>', 'Record-Route': '<sip:10.0.0.1;lr>' }, undefined],
  ] as const)('%s', (_, fields, target) => {
    const hop = serverDialog(request('INVITE', fields), 'ours', outside).createRequest('BYE');
    expect([hop.target, hop.flow]).toEqual([target, outside]);
    // Whichever way it goes, it is for the contact.
    expect(hop.request.uri).toBe(fields.Contact.slice(1, -1));
  });

  test('a peer that has moved, or connected again, is asked there', () => {
    const dialog = serverDialog(request('INVITE', { Via: NAT, Contact: '<sip:a@10.0.0.5>' }), 'ours', outside);
    const again = new RigFlow(rig, 'TCP', { address: '203.0.113.9', port: 40_001 });
    dialog.refreshTarget(request('UPDATE', { Via: NAT, Contact: '<sip:a@10.0.0.5>' }), again);
    expect(dialog.createRequest('BYE')).toMatchObject({ target: undefined, flow: again });
    const plain = new RigFlow(rig, 'UDP', { address: '198.51.100.7', port: 5060 });
    dialog.refreshTarget(request('UPDATE', { Via: via('198.51.100.7;rport'), Contact: '<sip:a@198.51.100.7>' }), plain);
    expect(dialog.createRequest('BYE')).toMatchObject({ target: 'sip:a@198.51.100.7', flow: plain });
  });
});
