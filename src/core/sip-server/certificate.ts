/**
 * A certificate that signs itself (RFC 5280), made in memory: encryption for tests, where nobody has one. Only the few DER forms that it
 * takes are written here (X.690 §8, §10); docs/decisions/0013-self-signed-certificate.md says why.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { addressBytes } from '../udp/proc-drops.ts';

export interface MadeCertificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const VALID_MS = 30 * 24 * 3_600_000;
/** For peers whose clock is behind. */
const BACKDATED_MS = 3_600_000;
/** RFC 5280, appendix A: ub-common-name. */
const LONGEST_COMMON_NAME = 64;
/** 128 random bits (§4.1.2.2 wants 64 at least, of 160 at most). */
const SERIAL_BYTES = 16;

/** Tags of ASN.1. */
const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
/** `[n]` around a value, and in the place of its tag. */
const EXPLICIT = 0xa0;
const IMPLICIT = 0x80;

/** Choices of GeneralName (§4.2.1.6). */
const DNS_NAME = 2;
const URI = 6;
const IP_ADDRESS = 7;

/** Object identifiers, encoded. */
const ECDSA_WITH_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x55, 0x04, 0x03];
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];
const EXTENDED_KEY_USAGE = [0x55, 0x1d, 0x25];
const SERVER_AUTH = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/**
 * P-256, valid for 30 days from `now` on.
 *
 * @param domain name or numeric address: the subject, and as a DNS name, a SIP URI (RFC 5922 §7.1) or an address, the first alternative.
 * @param addresses numeric, other alternatives.
 */
export function makeCertificate(domain: string, addresses: readonly string[], now: Date): MadeCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, ECDSA_WITH_SHA256));
  const commonName = domain.length <= LONGEST_COMMON_NAME ? domain : 'rtplat';
  const name = der(SEQUENCE, der(SET, der(SEQUENCE, der(OBJECT_IDENTIFIER, COMMON_NAME), der(UTF8_STRING, Buffer.from(commonName)))));
  const serial = randomBytes(SERIAL_BYTES);
  // Positive, and without a first byte that says nothing (X.690 §8.3.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const content = der(
    SEQUENCE,
    der(EXPLICIT, der(INTEGER, [2])),
    der(INTEGER, serial),
    algorithm,
    name,
    der(SEQUENCE, time(new Date(now.getTime() - BACKDATED_MS)), time(new Date(now.getTime() + VALID_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(EXPLICIT | 3, der(SEQUENCE, ...extensions(domain, addresses))),
  );
  const signature = sign('sha256', content, privateKey);
  const certificate = der(SEQUENCE, content, algorithm, der(BIT_STRING, [0], signature));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function extensions(domain: string, addresses: readonly string[]): readonly Buffer[] {
  const names = alternatives(domain, addresses);
  return [
    // No key usage: OpenSSL takes a certificate for its own issuer only where that allows to sign others, or is not there.
    extension(BASIC_CONSTRAINTS, true, der(SEQUENCE)),
    extension(EXTENDED_KEY_USAGE, false, der(SEQUENCE, der(OBJECT_IDENTIFIER, SERVER_AUTH))),
    ...(names.length === 0 ? [] : [extension(SUBJECT_ALT_NAME, false, der(SEQUENCE, ...names))]),
  ];
}

function alternatives(domain: string, addresses: readonly string[]): readonly Buffer[] {
  const numeric = new Set(isIP(domain) === 0 ? addresses : [domain, ...addresses]);
  const found = [...numeric].map((address) => der(IMPLICIT | IP_ADDRESS, addressBytes(address) ?? []));
  // Empty where it is no name of the DNS.
  const ascii = isIP(domain) === 0 ? domainToASCII(domain) : '';
  if (ascii === '') return found;
  return [der(IMPLICIT | DNS_NAME, Buffer.from(ascii)), der(IMPLICIT | URI, Buffer.from(`sip:${ascii}`)), ...found];
}

function extension(identifier: readonly number[], critical: boolean, value: Buffer): Buffer {
  // What is not critical is so by default, and a default is not written (X.690 §11.5).
  const flag = critical ? [der(BOOLEAN, [0xff])] : [];
  return der(SEQUENCE, der(OBJECT_IDENTIFIER, identifier), ...flag, der(OCTET_STRING, value));
}

/** §4.1.2.5: two digits of the year up to 2049, four from then on. */
function time(date: Date): Buffer {
  const digits = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  return date.getUTCFullYear() < 2050 ? der(UTC_TIME, Buffer.from(digits.slice(2))) : der(GENERALIZED_TIME, Buffer.from(digits));
}

/** Tag, length, value. */
function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const { length } = value;
  // Short, then one byte that says how many follow.
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...head), value]);
}
