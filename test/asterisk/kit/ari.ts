import { Buffer } from 'node:buffer';

/** The fields of ARI's Channel that the suites look at. */
export interface AriChannel {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly caller: { readonly number: string };
  readonly dialplan: { readonly exten: string; readonly app_name?: string; readonly app_data?: string };
}

export interface AriBridge {
  readonly id: string;
  readonly bridge_type: string;
  readonly channels: readonly string[];
}

export interface AriAnswer {
  readonly status: number;
  readonly body: unknown;
}

/**
 * The judge's own view of Asterisk: plain requests with a time-out, nothing of the product in between.
 */
export interface Ari {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** One request; an answer of any status resolves, only no answer rejects. `path` begins behind `/ari`. */
  request(method: string, path: string, body?: unknown): Promise<AriAnswer>;
  channels(): Promise<readonly AriChannel[]>;
  bridges(): Promise<readonly AriBridge[]>;
  /** WebSocket address that registers `app`. */
  eventsUrl(app: string): string;
}

export function ariOf(url: string, user: string, password: string, timeoutMs = 5000): Ari {
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const request = async (method: string, path: string, body?: unknown): Promise<AriAnswer> => {
    const response = await fetch(`${url}/ari${path}`, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    // Asterisk's own 404 and 503 are HTML pages: they come back as text.
    const json = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, body: text === '' ? null : json ? (JSON.parse(text) as unknown) : text };
  };
  const list = async <T>(path: string): Promise<readonly T[]> => {
    const { status, body } = await request('GET', path);
    if (status !== 200) throw new Error(`GET /ari${path}: ${status} ${JSON.stringify(body)}`);
    return body as readonly T[];
  };
  return {
    url,
    user,
    password,
    request,
    channels: () => list<AriChannel>('/channels'),
    bridges: () => list<AriBridge>('/bridges'),
    eventsUrl: (app) =>
      `${url.replace('http', 'ws')}/ari/events?app=${encodeURIComponent(app)}&api_key=${encodeURIComponent(`${user}:${password}`)}`,
  };
}
