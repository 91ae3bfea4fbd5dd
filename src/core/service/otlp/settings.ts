/** Where metrics are pushed to, and what goes with them. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { messageOf, RtplatError } from '../../errors.ts';
import { readSecretText } from '../secret.ts';

export interface OtlpSettings {
  /** With the path that metrics are posted to. */
  readonly url: URL;
  readonly intervalMs: number;
  /** Each line `Name: value`; a path, or `credential:NAME`. */
  readonly headersFile: string | undefined;
}

/**
 * The headers of a file. Empty lines, and those that begin with #, are none.
 *
 * @throws RtplatError `usage` when it cannot be read, or a line is no header; what stands in it is secret and not repeated.
 */
export function readHeaders(file: string, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const lines = readSecretText(file, 'the OTLP headers file', env).split('\n');
  const headers: Record<string, string> = {};
  lines.forEach((line, i) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const colon = trimmed.indexOf(':');
    const [name, value] = [trimmed.slice(0, Math.max(0, colon)).trim(), trimmed.slice(colon + 1).trim()];
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (error) {
      const where = `line ${i + 1} of the OTLP headers file ${file} is no header`;
      throw new RtplatError('usage', where, { hint: 'write Name: value, such as Authorization: Bearer TOKEN', cause: messageOf(error) });
    }
    headers[name] = value;
  });
  return headers;
}
