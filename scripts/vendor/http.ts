/**
 * The HTTP client under the bundled ari-client, in place of the old `shred` and `request`: one keep-alive agent, a deadline on
 * every request, and no outcome that is not told to `on.response` or `on.error`.
 */
import http from 'node:http';
import https from 'node:https';

/** What swagger-client hands over: the request, and whom to tell. */
export interface SwaggerRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly on: {
    response(answer: Answer): void;
    error(answer: Answer): void;
  };
}

/** The shape that swagger-client expects of an answer; `status` 0 and an `error` when there was none. */
export interface Answer {
  readonly url: string;
  readonly method: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly status: number;
  readonly statusText: string;
  readonly data: Buffer;
  readonly error?: NodeJS.ErrnoException;
}

/** An ARI answer is at most a few hundred kilobytes (a channel list); more is not ARI. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

// Asterisk serves 100 HTTP sessions unless told otherwise (`sessionlimit`), and each idle connection is one of them. It closes
// an idle one after 15 s (`session_keep_alive`): let go of it well before, so that no request meets a closing socket.
const agentOptions = { keepAlive: true, maxSockets: 24, maxFreeSockets: 4, timeout: 5000 };
const agents = { 'http:': new http.Agent(agentOptions), 'https:': new https.Agent(agentOptions) };

/** What concerns all clients of this process. */
export const settings: { requestTimeoutMs: number; abandon(): void } = {
  requestTimeoutMs: 10_000,
  /** Fails every request that is out, at once. */
  abandon() {
    for (const agent of Object.values(agents)) agent.destroy();
  },
};

export class AriRequestError extends Error {
  override readonly name = 'AriRequestError';
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** errno name, such as ECONNREFUSED, when there was no answer. */
  readonly code: string | undefined;
  readonly method: string;
  /** Without the query, which may carry what a user wants kept. */
  readonly path: string;

  constructor(answer: Answer) {
    super(answer.error?.message ?? textOf(answer), answer.error === undefined ? undefined : { cause: answer.error });
    this.status = answer.status;
    this.code = answer.error?.code;
    this.method = answer.method.toUpperCase();
    this.path = URL.parse(answer.url)?.pathname ?? '';
  }
}

/** What Asterisk says went wrong: `{"message": "Channel not found"}`, else the status line. */
function textOf(answer: Answer): string {
  try {
    const document: unknown = JSON.parse(answer.data.toString());
    if (typeof document === 'object' && document !== null) {
      const text: unknown = 'message' in document ? document.message : 'error' in document ? document.error : undefined;
      if (typeof text === 'string' && text !== '') return text;
    }
  } catch {
    // Not JSON: an HTML error page, or nothing.
  }
  return `${answer.status} ${answer.statusText}`;
}

/** The error that a promise of the client is rejected with. */
export function failure(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return isAnswer(thrown) ? new AriRequestError(thrown) : new Error(String(thrown));
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'status' in value && 'url' in value;
}

export function execute(request: SwaggerRequest): void {
  const url = URL.parse(request.url);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // Not before the caller has left: swagger-client expects its answer later.
    queueMicrotask(() => fail(request, new Error('not an http:// or https:// address')));
    return;
  }
  send(request, url, true);
}

function send(request: SwaggerRequest, url: URL, mayRepeat: boolean): void {
  const secure = url.protocol === 'https:';
  const method = request.method.toUpperCase();
  const body = request.body === undefined || request.body === '' ? undefined : Buffer.from(request.body);
  let settled = false;
  const settle = (tell: () => void): void => {
    if (settled) return;
    settled = true;
    clearTimeout(deadline);
    tell();
  };
  const outgoing = (secure ? https : http).request(url, {
    method,
    agent: agents[secure ? 'https:' : 'http:'],
    headers: { ...request.headers, 'Content-Length': body?.length ?? 0 },
  });
  const timeoutMs = settings.requestTimeoutMs;
  const deadline = setTimeout(() => {
    const error: NodeJS.ErrnoException = new Error(`no answer from ${url.host} within ${timeoutMs} ms`);
    error.code = 'ETIMEDOUT';
    outgoing.destroy(error);
  }, timeoutMs);
  outgoing.on('error', (error: NodeJS.ErrnoException) =>
    settle(() => {
      // The server closed a kept connection while the request was on its way. Repeating is safe for what changes nothing twice.
      if (outgoing.reusedSocket && error.code === 'ECONNRESET' && mayRepeat && (method === 'GET' || method === 'DELETE')) {
        send(request, url, false);
      } else {
        fail(request, error);
      }
    }),
  );
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) incoming.destroy(new Error(`the answer of ${url.host} is longer than ${MAX_ANSWER_BYTES} bytes`));
      else chunks.push(chunk);
    });
    incoming.on('error', (error) => settle(() => fail(request, error)));
    incoming.on('end', () =>
      settle(() =>
        deliver(request, {
          url: request.url,
          method,
          headers: incoming.headers,
          status: incoming.statusCode ?? 0,
          statusText: incoming.statusMessage ?? '',
          data: Buffer.concat(chunks),
        }),
      ),
    );
  });
  outgoing.end(body);
}

/** An answer that the client cannot digest (no JSON, or not the JSON it expects) is a failed request, not an exception. */
function deliver(request: SwaggerRequest, answer: Answer): void {
  if (answer.status < 200 || answer.status > 299) {
    request.on.error(answer);
    return;
  }
  try {
    request.on.response(answer);
  } catch (error) {
    fail(request, new Error(`the answer of ${URL.parse(request.url)?.host} is not ARI's`, { cause: error }));
  }
}

function fail(request: SwaggerRequest, error: NodeJS.ErrnoException): void {
  request.on.error({
    url: request.url,
    method: request.method,
    headers: {},
    status: 0,
    statusText: error.code ?? error.message,
    data: Buffer.alloc(0),
    error,
  });
}
