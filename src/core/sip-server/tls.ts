/** The certificate that TLS answers with: from files, which may be renewed, or made at start. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { messageOf, RtplatError } from '../errors.ts';
import type { Logger } from '../service/log.ts';
import { isUnspecified } from '../values/address.ts';
import { makeCertificate } from './certificate.ts';
import type { SipSection } from './config/signalling.ts';

/** What of `[sip]` decides. */
type Identity = Pick<SipSection, 'domain' | 'bind_address' | 'external_address' | 'tls'>;

/**
 * The log gets whose certificate it is, until when it is valid, and its fingerprint, which whoever cannot verify it may compare.
 *
 * @throws RtplatError `usage` when certificate or key cannot be used.
 */
export function tlsOptions(sip: Identity, log: Logger, now: Date = new Date()): TlsOptions {
  const { cert, key } = sip.tls;
  const made = cert === undefined || key === undefined;
  const options: TlsOptions = { ...(made ? selfSigned(sip, now) : fromFiles(cert, key)), minVersion: 'TLSv1.2' };
  const { subject, fingerprint256, validToDate } = new X509Certificate(String(options.cert));
  const whose = subject.replaceAll('\n', ', ');
  const until = validToDate.toISOString().slice(0, 10);
  log.info(`TLS certificate ${made ? 'made for' : 'of'} ${whose}: valid until ${until}, SHA-256 ${fingerprint256}`);
  if (validToDate < now) log.warn(`The TLS certificate ${cert ?? ''} is no longer valid, since ${until}: peers will refuse it`);
  return options;
}

/**
 * Reads the files again.
 *
 * @returns undefined where there are none, and where they cannot be used, which the log is told.
 */
export function renewedTlsOptions(sip: Identity, log: Logger): TlsOptions | undefined {
  if (sip.tls.cert === undefined) return undefined;
  try {
    return tlsOptions(sip, log);
  } catch (error) {
    log.error(`${messageOf(error)}; the one before stays`);
    return undefined;
  }
}

function selfSigned({ domain, bind_address: bound, external_address: external }: Identity, now: Date): TlsOptions {
  const addresses = [...bound.filter((address) => !isUnspecified(address)), ...(external === undefined ? [] : [external])];
  return makeCertificate(domain, addresses, now);
}

function fromFiles(cert: string, key: string): TlsOptions {
  try {
    const options = { cert: readFileSync(cert, 'latin1'), key: readFileSync(key, 'latin1') };
    createSecureContext(options);
    return options;
  } catch (error) {
    throw new RtplatError('usage', `the certificate ${cert} with the key ${key} cannot be used: ${messageOf(error)}`, {
      hint: 'both are PEM; openssl x509 -in CERT and openssl pkey -in KEY show whether they can be read',
      cause: error,
    });
  }
}
