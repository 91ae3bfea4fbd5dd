/** The address of an OpenTelemetry receiver. Pure. */

const PATH = '/v1/metrics';

/**
 * An address as a user writes it: `http://HOST:4318`, or with the path that stands before, or includes, `/v1/metrics`. undefined when it
 * is none, or holds credentials, which belong into the file of headers.
 */
export function parseOtlpUrl(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') return undefined;
  if (url.username !== '' || url.password !== '' || url.hash !== '') return undefined;
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path.endsWith(PATH) ? path : path + PATH;
  return url;
}
