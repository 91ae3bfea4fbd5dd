/** The events of a live service: connects, reads until the connection ends, and says in one line why it did. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errnoOf, messageOf, RtplatError } from '../core/errors.ts';
import { refusal } from '../core/report/service-source.ts';
import { EventStreamParser } from '../core/watch/event-stream.ts';
import { SnapshotCollector } from '../core/watch/snapshot.ts';
import type { Snapshot } from '../core/watch/snapshot.ts';

export interface WatchTarget {
  /** Of `/events`, with credentials where the user wrote them. */
  readonly events: URL;
  /** Of the service, for people: without credentials. */
  readonly shown: string;
}

export interface SourceSettings {
  /** For so long nothing may come, ms. */
  readonly timeoutMs: number;
  readonly token: string | undefined;
  /** Aborts when nobody wants events any more. */
  readonly signal: AbortSignal;
}

const EVENT_STREAM = 'text/event-stream';

/** @throws RtplatError `usage`. */
export function watchTarget(name: string): WatchTarget {
  const base = URL.canParse(name) ? new URL(name) : undefined;
  if (base === undefined || (base.protocol !== 'http:' && base.protocol !== 'https:') || base.search !== '' || base.hash !== '') {
    // A password may stand in it.
    const said = name.includes('@') ? 'what is named' : name;
    throw new RtplatError('usage', `${said} is not the address of a service`, { hint: 'write http://HOST:PORT' });
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/';
  const bare = new URL(base);
  bare.username = '';
  bare.password = '';
  return { events: new URL('events', base), shown: bare.pathname === '/' ? bare.origin : bare.href };
}

/**
 * One connection, until it ends.
 *
 * @throws RtplatError `network`, `timeout`, `format` or `credentials`, always in the end; an abort of the signal is no error.
 */
export async function* readSnapshots(target: WatchTarget, settings: SourceSettings): AsyncGenerator<Snapshot, void> {
  const { timeoutMs, signal } = settings;
  const where = `${target.shown.endsWith('/') ? target.shown : `${target.shown}/`}events`;
  const patience = new AbortController();
  const arm = (): NodeJS.Timeout => setTimeout(() => patience.abort(), timeoutMs);
  let timer = arm();
  let answered = false;
  try {
    const response = await open(target.events, settings.token, AbortSignal.any([signal, patience.signal]));
    checkAnswer(response, where);
    answered = true;
    const parser = new EventStreamParser(where);
    const collector = new SnapshotCollector(where);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (const event of parser.push(chunk)) {
        const snapshot = collector.add(event);
        if (snapshot === undefined) continue;
        clearTimeout(timer);
        timer = arm();
        yield snapshot;
      }
    }
    throw new RtplatError('network', `${where} ended`, { hint: 'the service has probably been stopped' });
  } catch (error) {
    if (signal.aborted) return;
    if (patience.signal.aborted) {
      throw new RtplatError('timeout', `${where} told nothing for ${timeoutMs / 1000} s`, { cause: error });
    }
    if (error instanceof RtplatError) throw error;
    if (answered) throw new RtplatError('network', `${where} broke off: ${errnoOf(error)}`, { cause: error });
    throw unreachable(where, error);
  } finally {
    clearTimeout(timer);
    patience.abort();
  }
}

/** Not `fetch`: it refuses ports that it holds for unsafe, and does not say why a connection failed. */
function open(url: URL, token: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const headers = { accept: EVENT_STREAM, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    request(url, { signal, agent: false, headers }).on('response', resolve).on('error', reject).end();
  });
}

function checkAnswer(response: IncomingMessage, where: string): void {
  const { statusCode = 0, headers } = response;
  if (statusCode !== 200) {
    throw refusal(
      where,
      statusCode,
      statusCode === 404 ? 'ari-serve and sip-serve can be watched; is this the address of one of them?' : '',
    );
  }
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type === EVENT_STREAM) return;
  throw new RtplatError('format', `${where} did not answer the events of an rtplat service: its answer is ${type || 'of no type'}`);
}

function unreachable(where: string, error: unknown): RtplatError {
  // Connecting to a name tries several addresses, and the error of all of them has its text in the code.
  const code = errnoOf(error);
  const hint = isTlsProblem(code)
    ? 'if the certificate is to be trusted here, name its authority in NODE_EXTRA_CA_CERTS'
    : 'is the service up, and is this its HTTP address? ari-serve serves on http://127.0.0.1:9090, sip-serve on http://127.0.0.1:8080';
  const reason = code === 'EPROTO' ? `TLS failed (${messageOf(error)})` : code;
  return new RtplatError('network', `${where} cannot be reached: ${reason}`, { hint, cause: error });
}

function isTlsProblem(code: string): boolean {
  return code.includes('CERT') || code.includes('ISSUER') || code.startsWith('ERR_TLS');
}
