/** Plain requests to an HTTP service, as bytes where a client library would correct them. */
import { request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export async function get(port: number, path: string, options: { method?: string; accept?: string } = {}): Promise<Got> {
  const response = await open(port, path, options);
  let body = '';
  response.setEncoding('utf8');
  for await (const part of response) body += part as string;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/** Settles with the headers; the body is the caller's to read. */
export async function open(port: number, path: string, options: { method?: string; accept?: string } = {}): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = options.accept === undefined ? {} : { accept: options.accept };
  const asked = request({ host: '127.0.0.1', port, path, method: options.method ?? 'GET', headers, agent: false }, resolve);
  asked.on('error', reject);
  asked.end();
  return promise;
}

/** The next server-sent events of a stream, `[name, data]` each. */
export async function events(stream: IncomingMessage, count: number): Promise<[string, unknown][]> {
  const found: [string, unknown][] = [];
  let text = '';
  stream.setEncoding('utf8');
  for await (const part of stream.iterator({ destroyOnReturn: false })) {
    text += part as string;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [event = '', data = ''] = block.split('\n');
      found.push([event.replace('event: ', ''), JSON.parse(data.replace('data: ', ''))]);
    }
    if (found.length >= count) break;
  }
  return found;
}
