import * as fc from 'fast-check';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { createResponse, serialize } from '../../../src/core/sip/message.ts';
import { causeOf } from '../../../src/core/sip/reason-header.ts';
import { refusalOf } from '../../../src/core/sip/request-checks.ts';
import { agreedTimer, answerSessionTimer } from '../../../src/core/sip/session-timer.ts';
import { TORTURE_MESSAGES } from '../../corpus/rfc4475/index.ts';
import { contents, messages } from '../../core/sip/message-arbitrary.ts';
import { must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const SAMPLES = 60;

export const target: FuzzTarget = {
  name: 'sip-message',
  what: 'SIP datagrams: what was read, written and read again is the same; whatever can be answered has an answer that can be read',
  code: [
    'sip/parse.ts',
    'sip/parse-start-line.ts',
    'sip/headers.ts',
    'sip/headers-names.ts',
    'sip/headers-values.ts',
    'sip/message.ts',
    'sip/scanner.ts',
    'sip/reason-header.ts',
    'sip/request-checks.ts',
    'sip/session-timer.ts',
  ],
  mostBytes: 4_096,
  inputs: 400_000,
  seeds: (random) => [
    ...TORTURE_MESSAGES.map(({ bytes }) => bytes),
    ...fc.sample(messages, { seed: random.uint32() | 0, numRuns: SAMPLES }).map(serialize),
  ],
  check(input) {
    const parsed = parseMessage(input);
    if (!('message' in parsed)) {
      must(parsed.status >= 400 && parsed.status < 600 && parsed.problem !== '', 'a problem without a status', parsed.problem);
      if (parsed.request === undefined) return;
      const answer = serialize(createResponse(parsed.request, parsed.status, { reason: parsed.problem, toTag: 'tag' }));
      must(new TextDecoder().decode(answer).startsWith(`SIP/2.0 ${parsed.status} `), 'an answer that is none');
      return;
    }
    const { message } = parsed;
    for (const [name, value] of message.headers.entries()) {
      must(!/[\r\n]/.test(name + value), 'a line break in a header', name, value);
    }
    const again = parseMessage(serialize(message));
    must('message' in again, 'what we write cannot be read:', again);
    mustEqual(withoutLength(contents(again.message)), withoutLength(contents(message)), 'written and read again');
    must(
      message.via !== undefined && message.from !== undefined && message.to !== undefined && message.cseq !== undefined,
      'a message without',
    );
    causeOf(message);
    if (message.kind === 'response') {
      agreedTimer(message);
      return;
    }
    answerSessionTimer(message, 90);
    const refusal = refusalOf(message, false);
    const { status, headers = [], reason } = refusal ?? { status: 200 };
    const answer = parseMessage(
      serialize(createResponse(message, status, { toTag: 'tag', headers, ...(reason === undefined ? {} : { reason }) })),
    );
    must('message' in answer && answer.message.kind === 'response', 'an answer of ours cannot be read:', answer);
    must(answer.message.branch === message.branch && answer.message.callId === message.callId, 'an answer that nobody waits for');
  },
};

/** It is written as it is, also where there was none. */
function withoutLength(read: object): object {
  const { headers, ...rest } = read as { readonly headers: readonly (readonly [string, string])[] };
  return { ...rest, headers: headers.filter(([name]) => name !== 'Content-Length') };
}
