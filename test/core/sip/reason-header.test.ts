import { expect, test } from 'vitest';
import { causeOf } from '../../../src/core/sip/reason-header.ts';
import { request } from '../../kit/sip-rig.ts';

test.each([
  ['Q.850;cause=16;text="Normal call clearing"', { protocol: 'Q.850', cause: 16, text: 'Normal call clearing' }],
  ['SIP;cause=200;text="Call completed elsewhere"', { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' }],
  ['SIP;cause=486, Q.850;cause=17', { protocol: 'Q.850', cause: 17, text: null }],
  ['q.850 ; cause=3', { protocol: 'q.850', cause: 3, text: null }],
  ['Q.850', { protocol: 'Q.850', cause: null, text: null }],
  ['Q.850;cause=99999', { protocol: 'Q.850', cause: null, text: null }],
  [';cause=16', null],
  ['Q.850;cause="16', null],
])('%s (RFC 3326)', (value, expected) => {
  expect(causeOf(request('BYE', { Reason: value }))).toEqual(expected);
});

test('without the field there is no cause', () => {
  expect(causeOf(request('BYE'))).toBeNull();
});
