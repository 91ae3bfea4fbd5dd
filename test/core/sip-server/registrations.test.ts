/** Accounts that are registered over real sockets: which server, by which connection, and what becomes of one that is lost. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { SipStream } from '../../../src/core/sip/framing.ts';
import { createResponse, serialize } from '../../../src/core/sip/message.ts';
import type { SipRequest } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { SipEndpoint } from '../../../src/core/sip/transports/endpoint.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { makeCertificate } from '../../../src/core/sip-server/certificate.ts';
import type { RegisterAccount } from '../../../src/core/sip-server/config/accounts.ts';
import { Registrations } from '../../../src/core/sip-server/registrations.ts';
import type { RegistrationsParts } from '../../../src/core/sip-server/registrations.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import type { Endpoint } from '../../../src/core/values/address.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { seededHex } from '../../kit/sip-network.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

const TLS = makeCertificate('pbx.example.org', [], new Date());

/** Answers REGISTER as the test says. */
class Registrar {
  readonly requests: SipRequest[] = [];
  readonly sockets: Socket[] = [];
  endpoint: Endpoint = { address: '127.0.0.1', port: 0 };
  /** Status of the answer; none where 0. */
  status = 200;
  #stop: () => Promise<void> = async () => {};

  async listen(kind: 'udp' | 'tcp' | 'tls', address = '127.0.0.1'): Promise<this> {
    if (kind === 'udp') {
      const socket = createSocket('udp4').bind(0, address);
      await once(socket, 'listening');
      socket.on('message', (bytes, from) => this.#take(bytes, (answer) => socket.send(answer, from.port, from.address)));
      this.endpoint = { address, port: socket.address().port };
      this.#stop = async () => {
        socket.close();
        await once(socket, 'close');
      };
    } else {
      const server = kind === 'tcp' ? createServer() : createTlsServer(TLS);
      server.on('connection', (socket: Socket) => this.sockets.push(socket));
      server.on(kind === 'tcp' ? 'connection' : 'secureConnection', (socket: Socket) => {
        const stream = new SipStream();
        socket.on('error', () => undefined);
        socket.on('data', (chunk) => {
          for (const item of stream.push(chunk)) if (item.kind === 'message') this.#take(item.bytes, (answer) => void socket.write(answer));
        });
      });
      server.on('tlsClientError', () => undefined);
      server.listen(0, address);
      await once(server, 'listening');
      const bound = server.address();
      this.endpoint = { address, port: typeof bound === 'object' && bound !== null ? bound.port : 0 };
      this.#stop = async () => {
        this.hangUp();
        if (!server.listening) return;
        server.close();
        await once(server, 'close');
      };
    }
    cleanup.push(() => this.stop());
    return this;
  }

  hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const stop = this.#stop;
    this.#stop = async () => {};
    await stop();
  }

  #take(bytes: Uint8Array, answer: (bytes: Uint8Array) => void): void {
    const parsed = parseMessage(bytes);
    if (!('message' in parsed) || parsed.message.kind !== 'request') throw new Error('no request');
    const { message: request } = parsed;
    this.requests.push(request);
    if (this.status === 0) return;
    const contact = request.headers.get('Contact') ?? '';
    const headers: [string, string][] = this.status === 200 ? [['Contact', contact]] : [];
    answer(serialize(createResponse(request, this.status, { headers, toTag: 'registrar' })));
  }

  get expires(): readonly (string | undefined)[] {
    return this.requests.map(({ headers }) => headers.get('Expires') ?? undefined);
  }
}

const ACCOUNT: RegisterAccount = {
  registrar: 'sip:pbx.example.org',
  username: '600',
  password: 'secret',
  expires_seconds: 3600,
  transport: 'tcp',
  tls_verify: true,
};

interface World {
  readonly log: MemoryLog;
  readonly registrations: Registrations;
  readonly settled: (number | 'timeout')[];
  /** What the name of the registrar stands for. */
  found: readonly Endpoint[];
  /** Lets so much time pass for the accounts, at once. */
  readonly skip: (ms: number) => void;
}

async function start(account: Partial<RegisterAccount>, found: readonly Endpoint[]): Promise<World> {
  const log = new MemoryLog();
  let skippedMs = 0;
  const nowMs = (): number => performance.now() + skippedMs;
  const agent = new UserAgent({
    random: seededHex(3),
    contact: () => '<sip:unused>',
    server: 'test/1',
    leastSessionSeconds: 90,
    flowTo: () => undefined,
    admits: () => undefined,
    invited: () => undefined,
  });
  const endpoint = await SipEndpoint.start(
    {
      ...{ engine: createPortableEngine(), addresses: ['127.0.0.1'], udpPort: 0, tcpPort: 0, tls: { port: 0, options: TLS } },
      nowMs,
      trouble: (what) => expect.unreachable(what),
    },
    agent,
  );
  const settled: (number | 'timeout')[] = [];
  const world = { log, settled, found };
  const parts: RegistrationsParts = {
    ...{ endpoint, log: log.logger, product: 'test/1', env: {}, nowMs },
    scheduler: agent.scheduler,
    request: (request, flow, user, atMs) => agent.layer.request(request, flow, user, atMs),
    resolve: async () => {
      if (world.found.length === 0) throw new Error('ENOTFOUND');
      return world.found;
    },
    contact: ({ local, transport }, secure, user) =>
      `${secure ? 'sips' : 'sip'}:${user}@${local.address}:${local.port};transport=${transport.toLowerCase()}`,
    settled: (outcome) => settled.push(outcome),
  };
  const registrations = new Registrations([{ ...ACCOUNT, ...account }], parts);
  cleanup.push(() => endpoint.stop());
  registrations.start();
  const skip = (ms: number): void => {
    skippedMs += ms;
    agent.tick(nowMs());
    endpoint.touched();
  };
  return Object.assign(world, { registrations, skip });
}

const stateOf = (world: World): string | undefined => world.registrations.status()[0]?.state;

describe.each(['udp', 'tcp', 'tls'] as const)('over %s', (transport) => {
  test('registers, refreshes by the same way, and leaves', async () => {
    const registrar = await new Registrar().listen(transport);
    const world = await start({ transport, tls_verify: false }, [registrar.endpoint]);
    await world.log.said('Registered sip:600@pbx.example.org for 3600 s');
    world.skip(3_300_000);
    await world.log.said('Registered', 2);
    await world.registrations.stop();
    expect(registrar.expires).toEqual(['3600', '3600', '0']);
    expect(registrar.sockets).toHaveLength(transport === 'udp' ? 0 : 1);
    expect(registrar.requests[0]?.headers.get('Contact')).toMatch(
      new RegExp(`^<sip:600@127\\.0\\.0\\.1:[1-9]\\d+;transport=${transport}>;expires=3600$`),
    );
    expect([stateOf(world), world.settled]).toEqual(['unregistered', [200, 200]]);
    expect(world.log.lines.at(-1)).toBe('Unregistered sip:600@pbx.example.org');
  });

  test('when the name stands for another server, the next refresh goes there', async () => {
    const [first, second] = [await new Registrar().listen(transport), await new Registrar().listen(transport)];
    const world = await start({ transport, tls_verify: false }, [first.endpoint]);
    await world.log.said('Registered');
    // A name that does not resolve for the moment changes nothing.
    world.found = [];
    world.skip(3_300_000);
    await world.log.said('Registered', 2);
    world.found = [second.endpoint];
    world.skip(3_300_000);
    await world.log.said('Registered', 3);
    expect([first.requests.length, second.requests.length]).toEqual([2, 1]);
  });

  test('a server that answers 503 is left for the next one', async () => {
    const [first, second] = [await new Registrar().listen(transport), await new Registrar().listen(transport)];
    first.status = 503;
    const world = await start({ transport, tls_verify: false }, [first.endpoint, second.endpoint]);
    await world.log.said('Not registered as sip:600@pbx.example.org: the registrar answers 503');
    world.skip(10_000);
    await world.log.said('Registered');
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });
});

describe('a connection', () => {
  test('that is lost is made again within half a minute, and the registration with it (RFC 5626 §4.5)', async () => {
    const registrar = await new Registrar().listen('tcp');
    const world = await start({}, [registrar.endpoint]);
    await world.log.said('Registered');
    registrar.hangUp();
    await world.log.said('The connection to pbx.example.org is lost: sip:600@pbx.example.org is registered again in ');
    expect([stateOf(world), registrar.requests.length]).toEqual(['registered', 1]);
    world.skip(14_900);
    expect(registrar.requests).toHaveLength(1);
    world.skip(15_200);
    await world.log.said('Registered', 2);
    expect([registrar.sockets.length, registrar.requests.length]).toEqual([2, 2]);
  });

  test('that is lost before the answer is a failure, with a back-off', async () => {
    const registrar = await new Registrar().listen('tcp');
    registrar.status = 0;
    const world = await start({}, [registrar.endpoint]);
    while (registrar.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    registrar.hangUp();
    await world.log.said('Not registered as sip:600@pbx.example.org: the registrar cannot be reached; again in ');
    expect([stateOf(world), world.settled]).toEqual(['waiting', ['timeout']]);
    registrar.status = 200;
    world.skip(10_000);
    await world.log.said('Registered');
  });

  test('that nobody takes is tried at the next address, and all of them again later', async () => {
    const [gone, registrar] = [await new Registrar().listen('tcp'), await new Registrar().listen('tcp')];
    await gone.stop();
    const world = await start({}, [gone.endpoint, registrar.endpoint]);
    await world.log.said('Registered');
    expect(world.log.lines).toEqual(['Registered sip:600@pbx.example.org for 3600 s']);
    await registrar.stop();
    await world.log.said('is lost');
    world.skip(31_000);
    await world.log.said('cannot reach pbx.example.org: connect ECONNREFUSED');
    expect(stateOf(world)).toBe('waiting');
    const again = await new Registrar().listen('tcp');
    world.found = [again.endpoint];
    world.skip(20_000);
    await world.log.said('Registered', 2);
  });

  test('to a name that does not resolve is a failure that says so', async () => {
    const world = await start({}, []);
    await world.log.said('Not registered as sip:600@pbx.example.org: cannot reach pbx.example.org: ENOTFOUND; again in ');
    await world.registrations.stop();
    expect(stateOf(world)).toBe('unregistered');
  });
});

describe('the certificate of the registrar', () => {
  function file(text: string): string {
    const dir = mkdtempSync(join(tmpdir(), 'rtplat-ca-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, 'ca.pem'), text);
    return join(dir, 'ca.pem');
  }

  test('is verified for the host of the URI, by tls_ca_file', async () => {
    const registrar = await new Registrar().listen('tls');
    const world = await start({ transport: 'tls', registrar: 'sips:pbx.example.org', tls_ca_file: file(TLS.cert) }, [registrar.endpoint]);
    await world.log.said('Registered');
    // RFC 3261 §8.1.1.8
    expect(registrar.requests[0]?.headers.get('Contact')).toMatch(/^<sips:600@/);
  });

  test.each([
    ['sip:other.example.org', true, /its certificate is refused: .*other\.example\.org/],
    ['sip:pbx.example.org', false, /its certificate is refused: self-signed certificate/],
  ])('%s, with its authority: %s: nothing is sent to who has another', async (uri, knowsAuthority, reason) => {
    const registrar = await new Registrar().listen('tls');
    const ca = knowsAuthority ? { tls_ca_file: file(TLS.cert) } : {};
    const world = await start({ transport: 'tls', registrar: uri, ...ca }, [registrar.endpoint]);
    await world.log.said('Not registered');
    expect(world.log.lines[0]).toMatch(reason);
    expect([registrar.requests, world.settled]).toEqual([[], ['timeout']]);
  });

  test.each([
    ['is not there', '/nowhere/ca.pem', /^cannot use tls_ca_file \/nowhere\/ca\.pem of account "600": ENOENT/],
    ['has no certificate', undefined, /^cannot use tls_ca_file .* of account "600": /],
  ])('a file of authorities that %s is an error at start', async (_, name, reason) => {
    await expect(start({ transport: 'tls', tls_ca_file: name ?? file('nothing') }, [])).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(reason),
    });
  });
});
