import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from '../../../src/core/sip-server/certificate.ts';

/** An Asterisk that speaks SIP over TLS on 127.0.0.1. */
export interface PbxTls {
  /** File of the certificate of pbx.example.org, which is its own authority. */
  readonly authority: string;
  /** The transport, for pjsip.conf. */
  readonly transport: string;
}

/** @param dir gets the certificate and its key. */
export function pbxTls(dir: string, port: number): PbxTls {
  const { cert, key } = makeCertificate('pbx.example.org', ['127.0.0.1'], new Date());
  const [authority, keyFile] = [join(dir, 'pbx.pem'), join(dir, 'pbx.key')];
  writeFileSync(authority, cert);
  writeFileSync(keyFile, key);
  const lines = [
    '[tls]',
    'type = transport',
    'protocol = tls',
    `bind = 127.0.0.1:${port}`,
    `cert_file = ${authority}`,
    `priv_key_file = ${keyFile}`,
  ];
  return { authority, transport: [...lines, 'method = tlsv1_2'].join('\n') };
}
