/** Telling somebody by HTTP that a service was given up: a POST of JSON with a deadline, and no redirects. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errnoOf, RtplatError } from '../../errors.ts';
import { readSecret } from '../../service/secret.ts';
import type { WebhookSection } from '../config/general.ts';
import { withDeadline } from './deadline.ts';

/** @throws RtplatError when it was not taken: every answer but 2xx, a redirect among them. */
export async function postWebhook(webhook: WebhookSection, document: object, env: NodeJS.ProcessEnv): Promise<void> {
  const { url, token_file: tokenFile, timeout_ms: timeoutMs } = webhook;
  if (url === undefined) return;
  // Each time: it may have been changed.
  const token = tokenFile === undefined ? undefined : readSecret(tokenFile, 'webhook.token_file', env);
  const status = await withDeadline<number | null>(
    timeoutMs,
    () => null,
    (signal) => post(url, token, JSON.stringify(document), signal),
    undefined,
  );
  if (status === null) throw new RtplatError('timeout', `the webhook did not answer within ${timeoutMs} ms`);
  if (status < 200 || status > 299) throw new RtplatError('network', `the webhook answered ${status}`);
}

async function post(url: string, token: string | undefined, body: string, signal: AbortSignal): Promise<number> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp;
  const headers = {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, { method: 'POST', signal, agent: false, headers }).on('response', resolve).on('error', reject).end(body);
    });
    response.destroy();
    return response.statusCode ?? 0;
  } catch (error) {
    throw new RtplatError('network', `the webhook cannot be reached: ${errnoOf(error)}`, { cause: error });
  }
}
