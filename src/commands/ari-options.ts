/** How an Asterisk is reached: the options of every command that speaks ARI. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { RtplatError } from '../core/errors.ts';
import type { CommandIo } from './io.ts';
import { option } from './options.ts';

export interface AriCommandOptions {
  readonly ariUrl: URL;
  readonly ariUser: string;
  readonly ariPassFile?: string;
}

export function ariOptions(): readonly Option[] {
  return [
    option('--ari-url <url>', 'the HTTP server of Asterisk', { parse: ariUrl, default: 'http://127.0.0.1:8088', env: 'ARI_URL' }),
    option('--ari-user <name>', 'user of ari.conf; the password comes from ARI_PASS or --ari-pass-file', {
      default: 'asterisk',
      env: 'ARI_USER',
    }),
    option('--ari-pass-file <file>', 'file that holds the password of the ARI user', { env: 'RTPLAT_ARI_PASS_FILE' }),
  ];
}

function ariUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw new InvalidArgumentError('Not an address: write http://HOST:8088 or https://HOST:8089.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('Credentials do not belong into the address: use --ari-user and ARI_PASS or --ari-pass-file.');
  }
  if (url.search !== '' || !['/', '/ari', '/ari/'].includes(url.pathname)) {
    throw new InvalidArgumentError('Leave the path away: write http://HOST:8088.');
  }
  return new URL('/', url);
}

/** From the file, else the environment. @throws RtplatError `usage` without either, `file`. */
export async function ariPassword(io: CommandIo, { ariUser, ariPassFile }: AriCommandOptions): Promise<string> {
  if (ariPassFile === undefined) {
    const password = io.env['ARI_PASS'];
    if (password !== undefined && password !== '') return password;
    throw new RtplatError('usage', `no password for the ARI user ${ariUser}`, {
      hint: 'set ARI_PASS, or name a file with --ari-pass-file',
    });
  }
  const { readSecret } = await import('../core/service/secret.ts');
  return readSecret(ariPassFile, '--ari-pass-file', io.env);
}
