import { expect, test } from 'vitest';
import { Dialog } from '../../../src/core/sip/dialog.ts';
import { request } from '../../kit/sip-rig.ts';

const CONTACT = '<sip:192.0.2.10:5060>';

test('our requests have From and To turned round, our tag, and a number of their own (RFC 3261 §12.2.1.1)', () => {
  const dialog = new Dialog(request('INVITE', { Contact: '<sip:alice@192.0.2.20>' }), 'ours', CONTACT);
  const first = dialog.createRequest('INFO').request;
  const { request: bye, target } = dialog.createRequest('BYE');
  expect([first.cseq?.number, bye.cseq?.number]).toEqual([1, 2]);
  expect([bye.uri, target]).toEqual(['sip:alice@192.0.2.20', 'sip:alice@192.0.2.20']);
  expect(bye.headers.get('From')).toBe('Bob <sip:bob@example.com>;tag=ours');
  expect(bye.headers.get('To')).toBe('Alice <sip:alice@example.com>;tag=theirs');
  expect([bye.headers.get('Contact'), bye.headers.has('Route')]).toEqual([CONTACT, false]);
});

test('a lower number is out of order, the same one and any higher are not (§12.2.2)', () => {
  const dialog = new Dialog(request('INVITE', { CSeq: '5 INVITE' }), 'ours', CONTACT);
  const numbers = ['4 INFO', '5 INFO', '9 INFO', '8 INFO'];
  expect(numbers.map((CSeq) => dialog.inOrder(request('INFO', { CSeq })))).toEqual([false, true, true, false]);
});

test('a refresh without a usable contact changes nothing', () => {
  const dialog = new Dialog(request('INVITE', { Contact: '<sip:alice@192.0.2.20>' }), 'ours', CONTACT);
  dialog.refreshTarget(request('UPDATE'));
  dialog.refreshTarget(request('UPDATE', { Contact: '*' }));
  expect(dialog.remoteTarget).toBe('sip:alice@192.0.2.20');
  dialog.refreshTarget(request('UPDATE', { Contact: '<sip:alice@192.0.2.21>;expires=1' }));
  expect(dialog.remoteTarget).toBe('sip:alice@192.0.2.21');
});

test('without a contact it is the From that is asked', () => {
  expect(new Dialog(request('INVITE'), 'ours', CONTACT).createRequest('BYE').target).toBe('sip:alice@example.com');
});
