/** Secrets from files: those that a path names, and those that systemd hands over (`LoadCredential=`, systemd.exec(5)). */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf, RtplatError } from '../errors.ts';

const CREDENTIAL = 'credential:';

/**
 * The first line of a file.
 *
 * @param file a path, or `credential:NAME` for that file of $CREDENTIALS_DIRECTORY.
 * @param what for messages: `--ari-pass-file`. @throws RtplatError `usage` when it cannot be read, or is empty.
 */
export function readSecret(file: string, what: string, env: NodeJS.ProcessEnv): string {
  const secret = readSecretText(file, what, env).split('\n', 1)[0]?.trimEnd() ?? '';
  if (secret === '') {
    const place = file.startsWith(CREDENTIAL) ? 'the first line of the file that LoadCredential= of the unit names' : 'its first line';
    throw new RtplatError('usage', `${what} ${file} is empty`, { hint: `write the password into ${place}` });
  }
  return secret;
}

/** All of a file, named as for {@link readSecret}. @throws RtplatError `usage` when it cannot be read. */
export function readSecretText(file: string, what: string, env: NodeJS.ProcessEnv): string {
  try {
    return readFileSync(placeOf(file, what, env), 'utf8');
  } catch (error) {
    if (error instanceof RtplatError) throw error;
    throw new RtplatError('usage', `cannot read ${what} ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function placeOf(file: string, what: string, env: NodeJS.ProcessEnv): string {
  if (!file.startsWith(CREDENTIAL)) return file;
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || folder === '') {
    throw new RtplatError('usage', `${what} ${file}: systemd handed over no credentials`, { hint: 'add LoadCredential= to the unit' });
  }
  return path.join(folder, path.basename(file.slice(CREDENTIAL.length)));
}
