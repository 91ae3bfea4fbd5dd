/** Whom an HTTP service answers, as its user set it: the token, the names, and that nothing is open by mistake. */
import { RtplatError } from '../errors.ts';
import { formatHostPort, isLoopback } from '../values/address.ts';
import { isHeaderText } from '../values/header-text.ts';
import type { HttpAccess } from './http-gate.ts';
import { readSecret } from './secret.ts';

export interface HttpAccessSettings {
  /** Numeric address that it is bound to. */
  readonly host: string;
  readonly port: number;
  /** A path, or `credential:NAME`; without it the token is $RTPLAT_HTTP_TOKEN, if that is set. */
  readonly tokenFile: string | undefined;
  /** Whether other hosts may ask without a token. */
  readonly open: boolean;
  readonly hosts: readonly string[];
  /** What the settings are called where they were made, for messages. */
  readonly names: { readonly tokenFile: string; readonly open: string };
}

const ENVIRONMENT = 'RTPLAT_HTTP_TOKEN';
/** Of random letters and digits, more than can be tried. */
const LEAST_CHARACTERS = 16;
const MOST_CHARACTERS = 1_024;
const MAKE_ONE = 'make one with: openssl rand -hex 32';

/** @throws RtplatError `usage` for a token that is none, and for an address that others reach without one. */
export function httpAccess(settings: HttpAccessSettings, env: NodeJS.ProcessEnv): HttpAccess {
  const { host, port, names } = settings;
  const token = tokenOf(settings, env);
  if (token === undefined && !settings.open && !isLoopback(host)) {
    throw new RtplatError('usage', `HTTP on ${formatHostPort(host, port)} is reached from other hosts, and no token is asked for`, {
      hint:
        `name a file with one in ${names.tokenFile} (${MAKE_ONE}), bind to 127.0.0.1, ` +
        `or say ${names.open} where a firewall keeps strangers out`,
    });
  }
  return { token, hosts: settings.hosts };
}

function tokenOf({ tokenFile, names }: HttpAccessSettings, env: NodeJS.ProcessEnv): string | undefined {
  const token = tokenFile === undefined ? env[ENVIRONMENT] : readSecret(tokenFile, names.tokenFile, env);
  if (token === undefined || token === '') return undefined;
  const where = tokenFile === undefined ? ENVIRONMENT : `${names.tokenFile} ${tokenFile}`;
  if (token.length < LEAST_CHARACTERS || token.length > MOST_CHARACTERS || !isHeaderText(token)) {
    throw new RtplatError(
      'usage',
      `the token of ${where} is not ${LEAST_CHARACTERS} to ${MOST_CHARACTERS} printed characters of ASCII without blanks`,
      {
        hint: MAKE_ONE,
      },
    );
  }
  return token;
}
