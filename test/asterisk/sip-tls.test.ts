/** Calls over TLS: from `openssl s_client`, from Node.js, and from and to a real Asterisk 22. */
import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificate } from '../../src/core/sip-server/certificate.ts';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { type SipServe, startSipServe } from './kit/sip-server.ts';
import { TRUNK_ADDITIONS, gone, originate } from './kit/trunk.ts';

const scratch = scratchFolder();
const TLS_PORT = 5071;
const ASTERISK_TLS_PORT = 5161;

const SERVER = `
[sip]
transports = ["udp", "tls"]
tls.port = ${TLS_PORT}
domain = "sip.example.org"
`;
const CALLS = `
[behavior]
mode = "tone"
auto_answer_delay_ms = 50
tone_duration_seconds = 0
`;

function dial(options: { readonly ca?: string } = {}): TLSSocket {
  const verified = options.ca === undefined ? { rejectUnauthorized: false } : { ca: options.ca };
  const socket = connect({ host: '127.0.0.1', port: TLS_PORT, ...verified });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** The certificate that the server shows, PEM. */
async function shown(): Promise<string> {
  const socket = dial();
  await once(socket, 'secureConnect');
  return new X509Certificate(socket.getPeerCertificate().raw).toString();
}

/** A caller on a stream of bytes. */
class Caller {
  readonly #stream: Duplex;
  readonly #user: string;
  #got = '';
  toTag = '';

  constructor(stream: Duplex, user: string) {
    this.#stream = stream;
    this.#user = user;
    stream.on('data', (chunk: Buffer) => (this.#got += chunk.toString('latin1')));
  }

  send(method: string, cseq: number, body = ''): void {
    const lines = [
      `${method} sips:${this.#user}@127.0.0.1:${TLS_PORT} SIP/2.0`,
      `Via: SIP/2.0/TLS 127.0.0.1:40000;branch=z9hG4bK-${this.#user}-${method}${cseq};rport`,
      'Max-Forwards: 70',
      `From: <sips:caller@127.0.0.1>;tag=${this.#user}`,
      `To: <sips:${this.#user}@127.0.0.1>${this.toTag === '' ? '' : `;tag=${this.toTag}`}`,
      `Call-ID: ${this.#user}@127.0.0.1`,
      `CSeq: ${cseq} ${method}`,
      'Contact: <sips:caller@127.0.0.1:40000>',
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
      '',
      body,
    ];
    this.#stream.write(lines.join('\r\n'));
  }

  /** Waits for the answer; its head. */
  answer(status: number, cseq: string): Promise<string> {
    return until(`${status} to ${cseq}`, () => {
      const heads = this.#got.split('\r\n\r\n');
      return heads.find((head) => head.includes(`SIP/2.0 ${status} `) && head.includes(`CSeq: ${cseq}`));
    });
  }

  async establish(): Promise<string> {
    const sdp = `v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 41000 RTP/AVP 0\r\n`;
    this.send('INVITE', 1, sdp);
    await this.answer(180, '1 INVITE');
    const answer = await this.answer(200, '1 INVITE');
    this.toTag = /^To:.*;tag=(\w+)/m.exec(answer)?.[1] ?? '';
    this.send('ACK', 1);
    return answer;
  }

  async hangUp(): Promise<void> {
    this.send('BYE', 2);
    await this.answer(200, '2 BYE');
  }
}

describe('a certificate that was made at start', () => {
  let server: SipServe;
  beforeAll(async () => {
    server = await startSipServe(scratch('made'), `${SERVER}tls.self_signed = true\n${CALLS}`);
  });
  afterAll(async () => {
    await server.running.stop();
  });

  it('is what the openssl program thinks it is, and the log has its fingerprint', async () => {
    const file = join(scratch('openssl'), 'cert.pem');
    writeFileSync(file, await shown());
    const openssl = (...args: readonly string[]): string => execFileSync('openssl', args, { encoding: 'utf8' });
    const text = openssl('x509', '-in', file, '-noout', '-text');
    for (const part of ['Version: 3 (0x2)', 'ecdsa-with-SHA256', 'prime256v1', 'CA:FALSE', 'TLS Web Server Authentication']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('DNS:sip.example.org, URI:sip:sip.example.org, IP Address:127.0.0.1\n');
    expect(openssl('verify', '-x509_strict', '-CAfile', file, '-verify_ip', '127.0.0.1', file)).toContain(': OK');
    const fingerprint = openssl('x509', '-in', file, '-noout', '-fingerprint', '-sha256').trim().split('=')[1];
    const [line] = await server.lines(/TLS certificate made for/);
    expect(line).toContain(`TLS certificate made for CN=sip.example.org: valid until `);
    expect(line?.endsWith(`SHA-256 ${fingerprint}`)).toBe(true);
  });

  it('carries a whole call of openssl s_client, which verifies it', async () => {
    const file = join(scratch('s_client'), 'cert.pem');
    writeFileSync(file, await shown());
    const verify = ['-CAfile', file, '-verify_return_error', '-verify_ip', '127.0.0.1'];
    const args = ['s_client', '-connect', `127.0.0.1:${TLS_PORT}`, '-quiet', ...verify];
    const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill());
    const caller = new Caller(
      Object.assign(child.stdout, { write: (text: string) => child.stdin.write(text) }) as unknown as Duplex,
      's-client',
    );
    const answer = await caller.establish();
    expect(answer).toContain(`Contact: <sips:127.0.0.1:${TLS_PORT}>`);
    await caller.hangUp();
    expect(await server.records('s-client')).toMatchObject([{ transport: 'TLS', status: 200, ended_by: 'caller' }]);
  });

  it('carries a whole call of Node.js, which verifies it', async () => {
    const caller = new Caller(dial({ ca: await shown() }), 'node');
    await caller.establish();
    await caller.hangUp();
    expect(await server.records('node')).toMatchObject([{ transport: 'TLS', status: 200, ended_by: 'caller' }]);
  });

  it('SIGTERM while a handshake hangs, with a call up: BYE, and exit status 0', async () => {
    const socket = dial();
    const caller = new Caller(socket, 'last');
    await caller.establish();
    await server.confirmed(1);
    const mute = connectTcp(TLS_PORT, '127.0.0.1').on('error', () => undefined);
    await once(mute, 'connect');
    let bye = '';
    socket.on('data', (chunk: Buffer) => (bye += chunk.toString('latin1')));
    await server.reload(`${SERVER}tls.self_signed = true\n${CALLS}[limits]\nstop_grace_seconds = 0\n`);
    server.running.kill('SIGTERM');
    await until('BYE', () => bye.includes('BYE sips:caller@127.0.0.1:40000 ') || undefined);
    const fields = ['Via', 'From', 'To', 'Call-ID', 'CSeq'].map((name) => new RegExp(`^${name}: .*$`, 'm').exec(bye)?.[0]);
    socket.write(['SIP/2.0 200 OK', ...fields, 'Content-Length: 0', '', ''].join('\r\n'));
    expect((await server.running.ended).code).toBe(0);
    expect(await server.records('last')).toMatchObject([{ ended_by: 'us', end_reason: 'the service stops' }]);
  });
});

it('a renewed certificate is there after SIGHUP, an unusable one is not, and the calls that are up stay', async () => {
  const dir = scratch('renewed');
  const write = (): string => {
    const { cert, key } = makeCertificate('sip.example.org', ['127.0.0.1'], new Date());
    writeFileSync(join(dir, 'cert.pem'), cert);
    writeFileSync(join(dir, 'key.pem'), key);
    return new X509Certificate(cert).fingerprint256;
  };
  const fingerprint = async (): Promise<string> => new X509Certificate(await shown()).fingerprint256;
  const first = write();
  const toml = `${SERVER}tls.cert = "${dir}/cert.pem"\ntls.key = "${dir}/key.pem"\n${CALLS}`;
  const server = await startSipServe(dir, toml);
  onTestFinished(() => server.running.stop());
  const caller = new Caller(dial(), 'stays');
  await caller.establish();
  expect(await fingerprint()).toBe(first);
  const second = write();
  await server.reload(toml);
  expect(await fingerprint()).toBe(second);
  writeFileSync(join(dir, 'key.pem'), 'nothing');
  await server.reload(toml);
  await server.lines(/the certificate .* cannot be used: .*; the one before stays/);
  expect(await fingerprint()).toBe(second);
  await caller.hangUp();
  expect(await server.records('stays')).toMatchObject([{ ended_by: 'caller', status: 200 }]);
});

describe('a real Asterisk', () => {
  let asterisk: Asterisk;
  let dir: string;
  beforeAll(async () => {
    dir = scratch('asterisk');
    const { cert, key } = makeCertificate('localhost', ['127.0.0.1'], new Date());
    writeFileSync(join(dir, 'asterisk.pem'), cert);
    writeFileSync(join(dir, 'asterisk.key'), key);
    const pjsip = `${TRUNK_ADDITIONS.pjsip ?? ''}
[tls]
type = transport
protocol = tls
method = tlsv1_2
bind = 127.0.0.1:${ASTERISK_TLS_PORT}
cert_file = ${dir}/asterisk.pem
priv_key_file = ${dir}/asterisk.key
[secured]
type = endpoint
context = nowhere
disallow = all
allow = ulaw
direct_media = no
100rel = no
timers = no
auth = secured
aors = secured
[secured]
type = auth
auth_type = userpass
username = secured
password = secret
[secured]
type = aor
max_contacts = 1
`;
    const modules = [...(TRUNK_ADDITIONS.modules ?? []), 'res_pjsip_registrar', 'res_pjsip_authenticator_digest'];
    asterisk = await startAsterisk({ release: 'sid', dir, more: { ...TRUNK_ADDITIONS, pjsip, modules } });
  });
  afterAll(async () => {
    await asterisk?.stop();
  });

  const account = (...lines: readonly string[]): string => `
${SERVER}tls.self_signed = true
[behavior]
auto_answer_delay_ms = 50
tone_duration_seconds = 1
[[register]]
registrar = "sip:127.0.0.1:${ASTERISK_TLS_PORT}"
username = "secured"
password = "secret"
transport = "tls"
${lines.join('\n')}
`;

  it('has us registered over TLS when its certificate is known, and calls us by it', async () => {
    const server = await startSipServe(scratch('registered'), account(`tls_ca_file = "${dir}/asterisk.pem"`));
    onTestFinished(() => server.running.stop());
    await server.lines(/Registered sip:secured@127\.0\.0\.1/);
    await gone(asterisk, await originate(asterisk, 'PJSIP/secured', 'wait'));
    expect(await server.records('secured')).toMatchObject([{ transport: 'TLS', status: 200, end_reason: 'tone over' }]);
  });

  it('is told no name and no password when its certificate is not known', async () => {
    const server = await startSipServe(scratch('refused'), account());
    onTestFinished(() => server.running.stop());
    const [line] = await server.lines(/Not registered as sip:secured@/);
    expect(line).toMatch(/cannot reach 127\.0\.0\.1: its certificate is refused: self-signed certificate/);
    expect(await asterisk.cli('pjsip show contacts')).not.toContain('secured');
  });
});
