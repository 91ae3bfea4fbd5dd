/**
 * Whether the service of this container works: `node healthcheck.ts [http:PORT | echo:PORT]…`, exit status 0 or 1, one line that says
 * why. `http` asks GET /health; `echo` sends a datagram, which must come back as it was. Of several, and of the usual ports without an
 * argument, the first one on which something answers decides. The address and the token of HTTP are those of the environment that the
 * service has: RTPLAT_HTTP_BIND, RTPLAT_HTTP_TOKEN_FILE or RTPLAT_HTTP_TOKEN.
 *
 * Nothing but Node's own parts: in a container it starts every few seconds.
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';

interface Finding {
  readonly ok: boolean;
  /** Something answered, well or not. */
  readonly there: boolean;
  readonly text: string;
}

const TIMEOUT_MS = 3_000;
const USUAL = ['http:9090', 'http:8080', 'echo:4000'];

async function http(port: number): Promise<Finding> {
  const url = `http://${httpHost()}:${port}/health`;
  try {
    const token = httpToken();
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.status === 401) return { ok: false, there: true, text: `${url}: it wants another token` };
    const { status, reason } = (await response.json()) as { readonly status: string; readonly reason: string | null };
    return { ok: response.ok, there: true, text: `${url}: ${status}${reason === null ? '' : `: ${reason}`}` };
  } catch (error) {
    const { cause } = error as Error;
    const { code, message } = (cause instanceof Error ? cause : error) as NodeJS.ErrnoException;
    return { ok: false, there: code !== 'ECONNREFUSED', text: `${url}: ${code ?? message}` };
  }
}

function httpHost(): string {
  const bound = process.env['RTPLAT_HTTP_BIND'] ?? '';
  if (bound === '' || bound === '0.0.0.0' || bound === '::') return '127.0.0.1';
  return bound.includes(':') ? `[${bound}]` : bound;
}

function httpToken(): string | undefined {
  const { RTPLAT_HTTP_TOKEN_FILE: file, RTPLAT_HTTP_TOKEN: token } = process.env;
  return file === undefined || file === '' ? token : readFileSync(file, 'utf8').split('\n', 1)[0]?.trimEnd();
}

function echo(port: number): Promise<Finding> {
  const sent = randomBytes(16);
  const { promise, resolve } = Promise.withResolvers<Finding>();
  const socket = createSocket('udp4');
  const timer = setTimeout(() => resolve({ ok: false, there: true, text: `no echo from port ${port} in ${TIMEOUT_MS} ms` }), TIMEOUT_MS);
  socket.on('message', (message) => {
    if (message.equals(sent)) resolve({ ok: true, there: true, text: `port ${port} echoes` });
  });
  // Connected, so that a port on which nothing listens is told at once.
  socket.on('error', ({ code }: NodeJS.ErrnoException) =>
    resolve({ ok: false, there: code !== 'ECONNREFUSED', text: `port ${port}: ${code}` }),
  );
  socket.connect(port, '127.0.0.1', () => socket.send(sent));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

async function check(what: string): Promise<Finding> {
  const [kind, port] = what.split(':');
  if (kind === 'http' && Number(port) > 0) return http(Number(port));
  if (kind === 'echo' && Number(port) > 0) return echo(Number(port));
  return { ok: false, there: true, text: `not http:PORT or echo:PORT: ${what}` };
}

let finding: Finding | undefined;
for (const what of process.argv.length > 2 ? process.argv.slice(2) : USUAL) {
  finding = await check(what);
  if (finding.there) break;
}
console.log(finding?.text);
process.exitCode = finding?.ok === true ? 0 : 1;
