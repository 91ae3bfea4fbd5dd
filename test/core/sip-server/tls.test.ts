import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeCertificate } from '../../../src/core/sip-server/certificate.ts';
import { renewedTlsOptions, tlsOptions } from '../../../src/core/sip-server/tls.ts';
import { MemoryLog } from '../../kit/memory-log.ts';

const NOW = new Date('2026-11-21T12:00:00Z');
const SIP = { domain: 'sip.example.org', bind_address: ['0.0.0.0', '192.0.2.7'], external_address: '198.51.100.1' };

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'rtplat-tls-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

function withFiles(dir: string) {
  return { ...SIP, tls: { port: 5061, self_signed: false, cert: join(dir, 'cert.pem'), key: join(dir, 'key.pem') } };
}

function write(dir: string, { cert, key }: { readonly cert: string; readonly key: string }): void {
  writeFileSync(join(dir, 'cert.pem'), cert);
  writeFileSync(join(dir, 'key.pem'), key);
}

test('a certificate made at start names the domain and the addresses, and the log its fingerprint', () => {
  const log = new MemoryLog();
  const options = tlsOptions({ ...SIP, tls: { port: 5061, self_signed: true } }, log.logger, NOW);
  const made = new X509Certificate(String(options.cert));
  expect(made.subjectAltName).toBe('DNS:sip.example.org, URI:sip:sip.example.org, IP Address:192.0.2.7, IP Address:198.51.100.1');
  expect(options.minVersion).toBe('TLSv1.2');
  expect(log.lines).toEqual([`TLS certificate made for CN=sip.example.org: valid until 2026-12-21, SHA-256 ${made.fingerprint256}`]);
  // Whoever has compared the fingerprint does not want another one.
  expect(renewedTlsOptions({ ...SIP, tls: { port: 5061, self_signed: true } }, log.logger)).toBeUndefined();
});

test('files are read', () => {
  const dir = folder();
  const log = new MemoryLog();
  write(dir, makeCertificate('pbx.example.org', [], NOW));
  const options = tlsOptions(withFiles(dir), log.logger, NOW);
  const fingerprint = new X509Certificate(String(options.cert)).fingerprint256;
  expect(log.lines).toEqual([`TLS certificate of CN=pbx.example.org: valid until 2026-12-21, SHA-256 ${fingerprint}`]);
});

test('a certificate that is no longer valid is told of', () => {
  const dir = folder();
  const log = new MemoryLog();
  write(dir, makeCertificate('pbx.example.org', [], NOW));
  tlsOptions(withFiles(dir), log.logger, new Date('2027-01-01T00:00:00Z'));
  expect(log.lines[1]).toBe(`The TLS certificate ${dir}/cert.pem is no longer valid, since 2026-12-21: peers will refuse it`);
});

test.each([
  ['no file', undefined, /ENOENT/],
  ['no certificate', { cert: 'nothing', key: 'nothing' }, /cannot be used/],
  ['a key that is of another', { cert: makeCertificate('a', [], NOW).cert, key: makeCertificate('a', [], NOW).key }, /key values mismatch/],
])('%s: at start an error, later the one before stays', (_, files, reason) => {
  const dir = folder();
  const log = new MemoryLog();
  if (files !== undefined) write(dir, files);
  expect(() => tlsOptions(withFiles(dir), log.logger, NOW)).toThrow(reason);
  expect(log.lines).toEqual([]);
  expect(renewedTlsOptions(withFiles(dir), log.logger)).toBeUndefined();
  expect(log.lines).toEqual([
    expect.stringMatching(/^the certificate .*cert\.pem with the key .* cannot be used: .*; the one before stays$/),
  ]);
});

test('files that were renewed are read again', () => {
  const dir = folder();
  const log = new MemoryLog();
  write(dir, makeCertificate('pbx.example.org', [], new Date()));
  const before = tlsOptions(withFiles(dir), log.logger);
  write(dir, makeCertificate('pbx.example.org', [], new Date()));
  const after = renewedTlsOptions(withFiles(dir), log.logger);
  expect(after).toMatchObject({ minVersion: 'TLSv1.2' });
  expect(after?.cert).not.toBe(before.cert);
  expect(log.count('TLS certificate of CN=pbx.example.org')).toBe(2);
});
