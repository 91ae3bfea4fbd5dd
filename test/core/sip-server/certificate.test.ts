/** Judged by Node.js, as a reader and as a client that verifies; test/asterisk/sip-tls.test.ts asks the openssl program. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../../src/core/sip-server/certificate.ts';

const NOW = new Date('2026-11-21T12:00:00Z');

test('names whom it is for, and verifies against itself', () => {
  const made = new X509Certificate(makeCertificate('sip.example.org', ['192.0.2.7', '2001:db8::7'], NOW).cert);
  expect(made).toMatchObject({
    ...{ subject: 'CN=sip.example.org', issuer: 'CN=sip.example.org', ca: false },
    subjectAltName: 'DNS:sip.example.org, URI:sip:sip.example.org, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7',
    validFrom: 'Nov 21 11:00:00 2026 GMT',
    validTo: 'Dec 21 12:00:00 2026 GMT',
    // TLS Web Server Authentication
    keyUsage: ['1.3.6.1.5.5.7.3.1'],
  });
  expect(made.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
  expect([made.verify(made.publicKey), made.checkIssued(made)]).toEqual([true, true]);
  expect([made.checkHost('sip.example.org'), made.checkIP('192.0.2.7'), made.checkHost('example.org')]).toEqual([
    'sip.example.org',
    '192.0.2.7',
    undefined,
  ]);
});

test.each([
  ['an address as domain', '192.0.2.9', ['192.0.2.9', '::1'], '192.0.2.9', 'IP Address:192.0.2.9, IP Address:0:0:0:0:0:0:0:1'],
  ['a name beyond ASCII', 'tür.example', [], 'tür.example', 'DNS:xn--tr-xka.example, URI:sip:xn--tr-xka.example'],
  [
    'a name too long for a subject',
    `${'a'.repeat(60)}.example`,
    [],
    'rtplat',
    `DNS:${'a'.repeat(60)}.example, URI:sip:${'a'.repeat(60)}.example`,
  ],
  ['no name of the DNS', 'not a name', ['::1'], 'not a name', 'IP Address:0:0:0:0:0:0:0:1'],
  ['nothing that could be named', 'not a name', [], 'not a name', undefined],
])('%s', (_, domain, addresses, subject, alternatives) => {
  const made = new X509Certificate(makeCertificate(domain, addresses, NOW).cert);
  expect([made.subject, made.subjectAltName]).toEqual([`CN=${subject}`, alternatives]);
});

test('every address of a long list is in it', () => {
  const addresses = Array.from({ length: 16 }, (_, n) => `2001:db8::${n.toString(16)}:1`);
  const { cert } = makeCertificate(`${'n'.repeat(63)}.example.org`, addresses, NOW);
  expect(new X509Certificate(cert).subjectAltName?.split(', IP')).toHaveLength(17);
});

test.each([
  ['2049-12-01T00:00:00Z', 'Dec 31 00:00:00 2049 GMT'],
  ['2049-12-31T00:00:00Z', 'Jan 30 00:00:00 2050 GMT'],
])('made on %s it is valid until %s (RFC 5280 §4.1.2.5)', (now, until) => {
  expect(new X509Certificate(makeCertificate('localhost', [], new Date(now)).cert).validTo).toBe(until);
});

test('two of them have another key and another serial number', () => {
  const [a, b] = [makeCertificate('localhost', [], NOW), makeCertificate('localhost', [], NOW)].map(
    ({ cert }) => new X509Certificate(cert),
  );
  expect(a?.serialNumber).not.toBe(b?.serialNumber);
  expect(a?.fingerprint256).not.toBe(b?.fingerprint256);
  expect(a?.serialNumber).toHaveLength(32);
});

test.each([
  ['localhost', 'localhost'],
  ['127.0.0.1', ''],
])('a client that trusts it takes it for %s', async (host, servername) => {
  const made = makeCertificate('localhost', ['127.0.0.1'], new Date());
  const server = createServer(made, (socket) => socket.end());
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const client = connect({ host: '127.0.0.1', port, servername, ca: made.cert });
  onTestFinished(() => void client.destroy());
  await once(client, 'secureConnect');
  expect([host, client.authorized]).toEqual([host, true]);
});
