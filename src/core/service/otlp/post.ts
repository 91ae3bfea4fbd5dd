/** A POST of protobuf to an OpenTelemetry receiver: with a deadline, no redirects, and of the answer no more than is needed. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface PostedAnswer {
  readonly status: number;
  /** Of `Retry-After`, where that is a number of seconds. */
  readonly retryAfterMs: number | undefined;
  /** The beginning of it. */
  readonly body: Uint8Array;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/** @throws Error with what the system says when there is no answer, an AbortError at `signal`. */
export async function postProtobuf(
  url: URL,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<PostedAnswer> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  const all = { ...headers, 'content-type': 'application/x-protobuf', 'content-length': String(body.length) };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // A connection each time: nothing is left open when the service ends.
    request(url, { method: 'POST', signal, agent: false, headers: all }).on('response', resolve).on('error', reject).end(body);
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
  return {
    status: response.statusCode ?? 0,
    retryAfterMs: seconds >= 0 ? seconds * 1_000 : undefined,
    body: Buffer.concat(chunks),
  };
}
