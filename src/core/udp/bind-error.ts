/** What to tell a user whose address could not be bound, and what to do about it. */
import { messageOf, RtplatError } from '../errors.ts';
import { formatHostPort } from '../values/address.ts';
import type { BindOptions } from './engine.ts';

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'address already in use'],
  ['EADDRNOTAVAIL', 'no interface of this host has that address'],
  ['EACCES', 'permission denied'],
  ['EAFNOSUPPORT', 'this host does not have that address family'],
  ['EMFILE', 'too many open files in this process'],
  ['ENFILE', 'too many open files on this host'],
  ['ENETUNREACH', 'network is unreachable'],
  ['EINVAL', 'invalid argument'],
]);

/**
 * `cannot bind 127.0.0.1:4000: EADDRINUSE (address already in use)`, with the way out as the hint.
 *
 * @param code errno name.
 * @param meaning where the name alone does not say it.
 */
export function bindError(options: BindOptions, code: string, meaning?: string, cause?: unknown): RtplatError {
  const peer = options.connect === undefined ? '' : ` towards ${formatHostPort(options.connect.address, options.connect.port)}`;
  const said = meaning ?? MEANINGS.get(code) ?? (cause === undefined ? '' : messageOf(cause));
  const message = `cannot bind ${formatHostPort(options.address, options.port)}${peer}: ${code}${said === '' ? '' : ` (${said})`}`;
  return new RtplatError('bind', message, { hint: hintFor(code, options), cause });
}

function hintFor(code: string, options: BindOptions): string {
  switch (code) {
    case 'EADDRINUSE':
      return `see who holds it: ss -lunp 'sport = :${options.port}'`;
    case 'EADDRNOTAVAIL':
      return 'list the addresses of this host: ip -brief address';
    case 'EACCES':
      return options.port < 1024 ? 'ports below 1024 need root or CAP_NET_BIND_SERVICE' : '';
    case 'EAFNOSUPPORT':
      return 'bind an address of the other family, such as 0.0.0.0';
    case 'EMFILE':
    case 'ENFILE':
      return 'one socket is one file: raise the limit with ulimit -n';
    case 'ENETUNREACH':
      return 'list the routes of this host: ip route';
    default:
      return '';
  }
}
