/** Via of requests: ours (RFC 3261 §8.1.1.7), what is noted in the peer's (§18.2.1, RFC 3581 §4), and where answers go by it (§18.2.2). */
import type { Endpoint } from '../../values/address.ts';
import { formatHostPort, sameEndpoint, unmapAddress } from '../../values/address.ts';
import type { SipRequest } from '../message.ts';
import type { SipFlow } from './types.ts';

const DEFAULT_PORT = 5060;

/** The Via field of a request of ours; `rport` asks for the answer where the request came from (RFC 3581 §3). */
export function viaOf(flow: SipFlow, branch: string): string {
  const sentBy = formatHostPort(unmapAddress(flow.local.address), flow.local.port);
  return `SIP/2.0/${flow.transport} ${sentBy};branch=${branch};rport`;
}

/**
 * Notes in the topmost Via where the request really came from: `received` when its host is not the source address, both `received`
 * and `rport` when the client asks for it. Everything else in the field stays as it was written, for the client gets it back.
 */
export function markSource(request: SipRequest, flow: SipFlow): void {
  const via = request.via;
  if (via === undefined) return;
  const address = withoutZone(unmapAddress(flow.remote.address));
  const wantsPort = via.params.has('rport');
  if (!wantsPort && withoutBrackets(via.host).toLowerCase() === address) return;
  const [first = '', ...others] = request.headers.all('Via');
  const end = indexOutsideQuotes(first, ',', 0);
  const marks = wantsPort ? `;received=${address};rport=${flow.remote.port}` : `;received=${address}`;
  request.headers.set('Via', withoutMarks(first.slice(0, end)) + marks + first.slice(end));
  for (const other of others) request.headers.add('Via', other);
}

/**
 * Where the answers to a request go when its flow is not a connection, which answers always use. To the source and nowhere else: a
 * `maddr`, which is for multicast, would let anybody aim our answers at somebody.
 */
export function responseTarget(request: SipRequest, flow: SipFlow): Endpoint {
  const via = request.via;
  if (via === undefined || flow.reliable) return flow.remote;
  // A port that no socket has would make the transport fail for a mere text.
  const port = via.port !== undefined && via.port > 0 && via.port < 65_536 ? via.port : DEFAULT_PORT;
  return via.params.has('rport') ? flow.remote : { address: flow.remote.address, port };
}

/** The flow for the answers to a request. */
export function answerFlow(request: SipRequest, flow: SipFlow): SipFlow {
  const target = responseTarget(request, flow);
  return sameEndpoint(target, flow.remote) ? flow : (flow.to?.(target) ?? flow);
}

/** The value without its parameters `received` and `rport`. */
function withoutMarks(value: string): string {
  let kept = '';
  let start = 0;
  while (start < value.length) {
    const end = indexOutsideQuotes(value, ';', start + 1);
    const segment = value.slice(start, end);
    const name = start === 0 ? '' : nameOf(segment);
    if (name !== 'received' && name !== 'rport') kept += segment;
    start = end;
  }
  return kept.trimEnd();
}

/** The name in `;name=value`, lower case. */
function nameOf(parameter: string): string {
  const equals = parameter.indexOf('=');
  return parameter
    .slice(1, equals < 0 ? undefined : equals)
    .trim()
    .toLowerCase();
}

/** Where `wanted` is next, not within a quoted string; the length of the text when it is nowhere. */
function indexOutsideQuotes(text: string, wanted: string, from: number): number {
  let quoted = false;
  for (let index = from; index < text.length; index++) {
    const character = text[index];
    if (character === '"') quoted = !quoted;
    else if (character === '\\' && quoted) index += 1;
    else if (character === wanted && !quoted) return index;
  }
  return text.length;
}

function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

/** A link-local address without the name of the interface, which means nothing to the peer. */
function withoutZone(address: string): string {
  const zone = address.indexOf('%');
  return (zone < 0 ? address : address.slice(0, zone)).toLowerCase();
}
