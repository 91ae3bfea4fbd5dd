/** Whom an HTTP service answers, and the token that is sent to one: options of every command that serves or asks. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { RtplatError } from '../core/errors.ts';
import type { HttpAccess } from '../core/service/http-gate.ts';
import { hostName, isHeaderText } from '../core/values/header-text.ts';
import { option } from './options.ts';

export interface HttpCommandOptions {
  readonly httpTokenFile?: string;
  readonly httpOpen?: true;
  readonly httpHost?: readonly string[];
}

export function httpOptions(): readonly Option[] {
  return [
    option('--http-token-file <file>', 'file that holds the token that HTTP requests must have; else RTPLAT_HTTP_TOKEN', {
      env: 'RTPLAT_HTTP_TOKEN_FILE',
    }),
    option('--http-open', 'serve HTTP to other hosts without a token: for where a firewall keeps strangers out', {
      env: 'RTPLAT_HTTP_OPEN',
    }),
    option('--http-host <names>', 'names that HTTP is asked under besides localhost and addresses; commas between; may be repeated', {
      parse: hostNames,
      repeatable: true,
      env: 'RTPLAT_HTTP_HOST',
    }),
  ];
}

const MOST_NAMES = 64;

function hostNames(text: string, before: readonly string[] = []): readonly string[] {
  const made = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const name = hostName(part);
      if (name === undefined) throw new InvalidArgumentError('Write names such as rtplat.example.org, without a port.');
      return name;
    });
  const all = [...before, ...made];
  if (all.length > MOST_NAMES) throw new InvalidArgumentError(`More than ${MOST_NAMES} names.`);
  return all;
}

/** @throws RtplatError `usage`: exit status 2, before anything is bound. */
export async function accessOf(
  options: HttpCommandOptions & { readonly httpBind: string; readonly httpPort: number },
  env: NodeJS.ProcessEnv,
): Promise<HttpAccess> {
  const { httpAccess } = await import('../core/service/http-access.ts');
  return httpAccess(
    {
      host: options.httpBind,
      port: options.httpPort,
      tokenFile: options.httpTokenFile,
      open: options.httpOpen === true,
      hosts: options.httpHost ?? [],
      names: { tokenFile: '--http-token-file', open: '--http-open' },
    },
    env,
  );
}

export interface ServiceTokenOptions {
  readonly serviceTokenFile?: string;
}

/** Of commands that ask a live service. */
export function serviceTokenOption(): Option {
  return option(
    '--service-token-file <file>',
    'file that holds the token of the service (--http-token-file there), or of a proxy before it; else RTPLAT_SERVICE_TOKEN',
    { env: 'RTPLAT_SERVICE_TOKEN_FILE' },
  );
}

/** @throws RtplatError `usage`. */
export async function serviceToken({ serviceTokenFile: file }: ServiceTokenOptions, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { readSecret } = await import('../core/service/secret.ts');
  const token = file === undefined ? env['RTPLAT_SERVICE_TOKEN'] : readSecret(file, '--service-token-file', env);
  if (token === undefined || token === '') return undefined;
  if (isHeaderText(token)) return token;
  throw new RtplatError('usage', `the token of ${file ?? 'RTPLAT_SERVICE_TOKEN'} has characters that no header may have`);
}
