/** `[[register]]`: accounts at registrars, so that a PBX can route to us. */
import { optionalKey, key, requiredKey, tableList } from '../../service/config/schema.ts';
import type { Report, TableList } from '../../service/config/schema.ts';
import { choice, integer, text, yesOrNo } from '../../service/config/value-types.ts';
import { parseUri } from '../../sip/uri.ts';
import { spaced } from './signalling.ts';
import type { SipTransportName } from './signalling.ts';

export interface RegisterAccount {
  readonly registrar: string;
  readonly username: string;
  readonly password_file?: string;
  readonly password_env?: string;
  readonly password?: string;
  readonly realm?: string;
  readonly expires_seconds: number;
  readonly transport: SipTransportName;
  readonly tls_ca_file?: string;
  readonly tls_verify: boolean;
}

export const ACCOUNTS: TableList<RegisterAccount> = tableList<RegisterAccount>({
  doc: 'Accounts to register, so that a PBX can route calls here.',
  reloadable: false,
  fields: {
    registrar: requiredKey(text({ what: 'a SIP URI', most: 1_024, fault: registrarFault }), {
      example: 'sip:pbx.example.org',
      doc: 'URI of the registrar: sip:HOST or sip:HOST:PORT.',
    }),
    username: requiredKey(text({ most: 255, fault: spaced }), {
      example: '600',
      doc: 'User of the address that is registered, and of the password.',
    }),
    password_file: optionalKey(text({ what: 'a file name' }), {
      example: '/etc/rtplat/pbx.password',
      doc: 'File whose first line is the password; credential:NAME is what systemd handed over by that name.',
    }),
    password_env: optionalKey(text({ what: 'the name of an environment variable', fault: variableFault }), {
      example: 'PBX_PASSWORD',
      doc: 'Environment variable that holds the password.',
    }),
    password: optionalKey(text({ most: 1_024 }), {
      example: '…',
      secret: true,
      doc: 'The password itself; better not, as everybody who may read this file reads it.',
    }),
    realm: optionalKey(text({ most: 1_024 }), {
      example: 'asterisk',
      doc: 'The only realm that the password is used for; without it the first one that asks.',
    }),
    expires_seconds: key(integer(60, 86_400), { default: 3_600, doc: 'How long a registration is asked for.' }),
    transport: key(choice(['udp', 'tcp', 'tls']), { default: 'udp', doc: 'How the registrar is spoken to.' }),
    tls_ca_file: optionalKey(text({ what: 'a file name' }), {
      example: '/etc/rtplat/pbx-ca.pem',
      doc: 'With transport "tls": authorities that the certificate of the registrar may be from, PEM; without it those of Node.js.',
    }),
    tls_verify: key(yesOrNo, {
      default: true,
      doc: 'With transport "tls": only a registrar whose certificate is valid, and for the host of `registrar`, is spoken to.',
    }),
  },
  example: `
[[register]]
registrar = "sip:pbx.example.org"
username = "600"
password_file = "/etc/rtplat/pbx.password"
`,
  check: checkAccount,
});

function checkAccount(account: RegisterAccount, report: Report): void {
  const secrets = (['password_file', 'password_env', 'password'] as const).filter((name) => account[name] !== undefined);
  const [first, second] = secrets;
  if (first === undefined) {
    report.problem(
      [['username'], ['password_file'], ['password_env'], ['password']],
      `account "${account.username}" has no password`,
      'set password_file or password_env',
    );
  } else if (second !== undefined) {
    report.problem([[second], [first]], `both ${first} and ${second} are set`, 'keep one of them');
  }
  if (account.password !== undefined) {
    report.warning([['password']], 'the password stands in the file', 'move it to a file of its own, and name that in password_file');
  }
  if (account.transport !== 'tls' && (account.tls_ca_file !== undefined || !account.tls_verify)) {
    const name = account.tls_ca_file === undefined ? 'tls_verify' : 'tls_ca_file';
    report.warning([[name], ['transport']], `${name} means nothing over ${account.transport}`, 'set transport = "tls"');
  } else if (!account.tls_verify) {
    const what = 'anybody between may pose as the registrar';
    report.warning([['tls_verify']], what, 'set tls_ca_file to the certificate of its authority, or its own');
  }
  // RFC 3261 §26.2.2: sips means TLS.
  if (account.registrar.slice(0, 5).toLowerCase() === 'sips:' && account.transport !== 'tls') {
    report.problem([['transport'], ['registrar']], `a sips: registrar is not reached over ${account.transport}`, 'set transport = "tls"');
  }
}

/** RFC 3261 §10.2: the Request-URI of a REGISTER names the domain, and no user. */
function registrarFault(value: string): string | undefined {
  const uri = parseUri(value);
  if (uri === undefined) return 'write sip:HOST or sip:HOST:PORT';
  return uri.user === undefined ? undefined : 'without a user: that is the key "username"';
}

function variableFault(value: string): string | undefined {
  return value.includes('=') || value.includes(' ') ? 'a name alone: no = and no space' : undefined;
}
