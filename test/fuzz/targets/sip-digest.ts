import { createHash } from 'node:crypto';
import { answerChallenge, parseChallenges } from '../../../src/core/sip/digest.ts';
import type { DigestTools } from '../../../src/core/sip/digest.ts';
import { createRequest } from '../../../src/core/sip/message.ts';
import { bytesOf, must, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const TOOLS: DigestTools = {
  hash: (algorithm, text) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex'),
  random: (bytes) => 'ab'.repeat(bytes),
};
const CREDENTIALS = { username: 'al"ice\\', password: 'secret' };

export const target: FuzzTarget = {
  name: 'sip-digest',
  what: 'challenges of SIP servers: the answer fits into a header, says what was asked for, and has no password in it',
  code: ['sip/digest.ts'],
  mostBytes: 1_200,
  inputs: 400_000,
  seeds: () =>
    bytesOf(
      'Digest realm="r", nonce="n", qop="auth,auth-int", algorithm=SHA-256, opaque="o", stale=true',
      'Digest realm="a\\"b", nonce="\\\\", algorithm=MD5-sess, qop=auth',
      'Basic realm="x", Digest nonce=abc, realm=def, Digest algorithm=SHA-256-sess,realm="x",nonce="y",qop="auth"',
      'Negotiate YII=, NTLM, Digest realm="r",nonce="n"',
      'Bearer abc==, Digest ,,realm = "r" , nonce = "n"',
    ),
  check(input) {
    const text = textOf(input);
    const challenges = parseChallenges(text);
    must(challenges.length <= 16, 'challenges', challenges.length);
    const answer = answerChallenge(challenges, CREDENTIALS, TOOLS);
    if ('reason' in answer) {
      must(answer.reason.length > 0 && answer.reason.length < 400, 'a reason of', answer.reason.length);
      return;
    }
    // What the line break is that ends a header, a challenge cannot have: it came in one.
    if (/[\r\n\0]/.test(text)) return;
    const value = answer.session.authorize('INVITE', 'sip:a@b');
    createRequest('INVITE', 'sip:a@b', [['Authorization', value]]);
    const [again, ...more] = parseChallenges(value);
    must(again !== undefined && more.length === 0, 'the answer is not one', value);
    must(
      again.params.get('username') === CREDENTIALS.username && again.params.get('nonce') === answer.session.nonce,
      'the answer says',
      value,
    );
    must(!value.includes(CREDENTIALS.password) || text.includes(CREDENTIALS.password), 'the password is in it');
  },
};
