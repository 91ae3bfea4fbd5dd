/** A live service as a source of `report`. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { messageOf, RtplatError } from '../errors.ts';
import { parseChannels, parseMetrics } from './read-metrics.ts';
import type { ServiceCall, ServiceMetrics } from './read-metrics.ts';

export interface ServiceSource {
  readonly kind: 'service';
  readonly name: string;
  readonly metrics: ServiceMetrics;
  readonly calls: readonly ServiceCall[];
}

export interface ServiceAsking {
  readonly timeoutMs: number;
  /** Sent as Authorization: Bearer. */
  readonly token: string | undefined;
}

/** Longer answers are not read, bytes. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/**
 * Asks a service for its metrics and its calls, within one deadline.
 *
 * @throws RtplatError `usage` for what is no URL; `credentials`, `network`, `timeout` or `format`, naming the address.
 */
export async function readService(name: string, { timeoutMs, token }: ServiceAsking): Promise<ServiceSource> {
  let base: URL;
  try {
    base = new URL(name.endsWith('/') ? name : `${name}/`);
  } catch (error) {
    throw new RtplatError('usage', `${name} is not a URL`, { cause: error });
  }
  const signal = AbortSignal.timeout(timeoutMs);
  const ask = async (path: string): Promise<string> => {
    const url = new URL(path, base);
    try {
      return await get(url, token, signal);
    } catch (error) {
      if (error instanceof RtplatError) throw error;
      if (signal.aborted) throw new RtplatError('timeout', `${url.href} did not answer within ${timeoutMs / 1000} s`, { cause: error });
      throw new RtplatError('network', `${url.href} cannot be reached: ${networkReason(error)}`, {
        hint: 'is the service up, and is this its HTTP address? ari-serve serves on http://127.0.0.1:9090, sip-serve on http://127.0.0.1:8080',
        cause: error,
      });
    }
  };
  const metrics = parseMetrics(await ask('metrics'), new URL('metrics', base).href);
  const calls = parseChannels(await ask('channels'), new URL('channels', base).href);
  return { kind: 'service', name, metrics, calls };
}

/** Not `fetch`: it refuses ports that it holds for unsafe, and does not say why a connection failed. */
async function get(url: URL, token: string | undefined, signal: AbortSignal): Promise<string> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    request(url, {
      signal,
      agent: false,
      headers: { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    })
      .on('response', resolve)
      .on('error', reject)
      .end();
  });
  if (response.statusCode !== 200) {
    response.destroy();
    throw refusal(url.href, response.statusCode ?? 0);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new RtplatError('format', `${url.href} answered more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Of an answer that is not 200, as every asker of a service says it. */
export function refusal(where: string, status: number, hint = ''): RtplatError {
  if (status === 401 || status === 403) {
    return new RtplatError('credentials', `${where} answered ${status}: it wants other credentials`, {
      hint: 'set RTPLAT_SERVICE_TOKEN, or name a file with --service-token-file',
    });
  }
  return new RtplatError('network', `${where} answered ${status}, not 200`, {
    hint: status === 421 ? 'ask for its numeric address, or start the service with --http-host NAME' : hint,
  });
}

/** Connecting to a name tries several addresses, and the error of all of them has its text in the code. */
function networkReason(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : messageOf(error);
}
