/** A GET, with a deadline for all of the answer. Redirects are answers like others. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errnoOf } from '../../errors.ts';
import type { HttpReply } from '../health-answer.ts';
import { failed } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';
import { withDeadline } from './deadline.ts';

/** Longer answers are read no further: what they mean stands at their beginning, or nowhere. */
const MOST_BYTES = 65_536;

export interface HttpCheck {
  readonly url: string;
  readonly timeoutMs: number;
  /** Sent as Authorization: Bearer. */
  readonly token?: string | undefined;
  /** Nobody wants the answer any more. */
  readonly ended?: AbortSignal;
}

export function checkHttp({ url, timeoutMs, token, ended }: HttpCheck, judge: (reply: HttpReply) => Verdict): Promise<Verdict> {
  return withDeadline(
    timeoutMs,
    () => failed('timeout', `no answer from ${url} within ${timeoutMs} ms`),
    async (signal) => {
      const startedMs = performance.now();
      try {
        const { status, body } = await get(url, token, signal);
        return judge({ status, body, tookMs: performance.now() - startedMs });
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ECONNREFUSED') return failed('refused', `nothing listens on ${url}`);
        return failed('wrong_answer', `no answer from ${url}: ${code}`);
      }
    },
    ended,
  );
}

async function get(url: string, token: string | undefined, signal: AbortSignal): Promise<Pick<HttpReply, 'status' | 'body'>> {
  const headers = { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.startsWith('https:') ? requestHttps : requestHttp;
    request(url, { signal, agent: false, headers }).on('response', resolve).on('error', reject).end();
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MOST_BYTES) break;
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8', 0, MOST_BYTES) };
}

/** Connecting to a name tries several addresses; the error of all of them has those of each. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errnoOf(error.errors[0]);
  return errnoOf(error);
}
