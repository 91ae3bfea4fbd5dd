/** `[sip]`, `[sip.tls]`, `[limits]`. */
import { key, optionalKey, table } from '../../service/config/schema.ts';
import type { Table } from '../../service/config/schema.ts';
import { choice, integer, listOf, network, numericAddress, port, text, yesOrNo } from '../../service/config/value-types.ts';

export type SipTransportName = 'udp' | 'tcp' | 'tls';

export interface SipSection {
  readonly bind_address: readonly string[];
  readonly port: number;
  readonly domain: string;
  readonly transports: readonly SipTransportName[];
  readonly external_address?: string;
  readonly session_timer_min_seconds: number;
  readonly tls: TlsSection;
}

export interface TlsSection {
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly self_signed: boolean;
}

const TLS: Table<TlsSection> = table<TlsSection>('TLS, when "tls" is one of sip.transports.', {
  port: key(port, { default: 5061, doc: 'TCP port; 0 takes a free one.' }),
  cert: optionalKey(text({ what: 'a file name' }), {
    example: '/etc/rtplat/tls/cert.pem',
    doc: 'Certificate with its chain, PEM; read again at SIGHUP, as is the key.',
  }),
  key: optionalKey(text({ what: 'a file name' }), { example: '/etc/rtplat/tls/key.pem', doc: 'Private key of the certificate, PEM.' }),
  self_signed: key(yesOrNo, {
    default: false,
    doc: 'Make a certificate at start, for tests: nobody can verify it, only compare its fingerprint.',
  }),
});

export const SIP: Table<SipSection> = table<SipSection>('Where SIP is spoken.', {
  bind_address: key(listOf(numericAddress, 1, 16, 'distinct'), {
    default: ['0.0.0.0'],
    doc: 'Numeric addresses to listen on; ["0.0.0.0", "::"] is all of IPv4 and IPv6.',
  }),
  port: key(port, { default: 5060, doc: 'UDP and TCP port; 0 takes a free one.' }),
  domain: key(text({ what: 'a host name', most: 255, fault: spaced }), {
    default: 'localhost',
    doc: 'Name of this server in the headers that it writes; calls for any other are answered too.',
  }),
  transports: key(listOf(choice(['udp', 'tcp', 'tls']), 1, 3, 'distinct'), {
    default: ['udp', 'tcp'],
    doc: 'What is listened on.',
  }),
  external_address: optionalKey(numericAddress, {
    example: '192.0.2.10',
    doc: 'Address that Contact and SDP name, behind NAT; without it the one that faces the peer.',
  }),
  // RFC 4028 §4: less than 90 s is not allowed.
  session_timer_min_seconds: key(integer(90, 86_400), {
    default: 90,
    reloadable: true,
    doc: 'Shortest session interval (Min-SE) that is agreed to.',
  }),
  tls: TLS,
});

export interface LimitsSection {
  readonly max_calls_per_source: number;
  readonly max_unconfirmed_per_source: number;
  readonly source_rate: number;
  readonly total_rate: number;
  readonly trusted: readonly string[];
  readonly ignore_scanners: boolean;
  readonly over_limit_status: 486 | 503;
  readonly retry_after_seconds: number;
  readonly ring_timeout_seconds: number;
  readonly stop_grace_seconds: number;
}

export const LIMITS: Table<LimitsSection> = table<LimitsSection>('How much is taken on; behavior.max_concurrent_calls bounds all calls.', {
  max_calls_per_source: key(integer(0, 1_000_000), {
    default: 0,
    reloadable: true,
    doc: 'Calls at once from one address; 0 sets no bound of its own.',
  }),
  max_unconfirmed_per_source: key(integer(0, 1_000_000), {
    default: 100,
    reloadable: true,
    doc: 'INVITEs by UDP at once from one address that it has not confirmed by an ACK, be they calls or refused, as the address may be forged; more are answered 503, once. 0 sets no bound.',
  }),
  source_rate: key(integer(0, 10_000_000), {
    default: 1000,
    reloadable: true,
    doc: 'SIP messages a second of one address that are looked at (IPv6: of one /64); 0 sets no bound.',
  }),
  total_rate: key(integer(0, 10_000_000), {
    default: 10_000,
    reloadable: true,
    doc: 'The same of all addresses together, but for those that have a confirmed call; 0 sets no bound.',
  }),
  trusted: key(listOf(network, 0, 256, 'distinct'), {
    default: [],
    reloadable: true,
    doc: 'Addresses and networks, such as "192.0.2.0/24", that these bounds, and the next key, are not for; a quarter of all calls is kept for them. This host always is one.',
  }),
  ignore_scanners: key(yesOrNo, {
    default: true,
    reloadable: true,
    doc: 'Give no answer to requests whose User-Agent is that of a tool that looks for SIP servers, such as friendly-scanner.',
  }),
  over_limit_status: key(choice([486, 503]), {
    default: 486,
    reloadable: true,
    doc: 'Answer to a call above a limit: 486 Busy Here, or 503 Service Unavailable, at which a proxy tries elsewhere.',
  }),
  retry_after_seconds: key(integer(0, 86_400), {
    default: 10,
    reloadable: true,
    doc: 'Retry-After of that answer; 0 leaves it away.',
  }),
  ring_timeout_seconds: key(integer(1, 3_600), {
    default: 60,
    reloadable: true,
    doc: 'A call that rings longer is answered 480.',
  }),
  stop_grace_seconds: key(integer(0, 86_400), {
    default: 10,
    reloadable: true,
    doc: 'Time that calls have to end by themselves after SIGTERM; then they get BYE.',
  }),
});

export function spaced(name: string): string | undefined {
  return name.includes(' ') ? 'it has a space' : undefined;
}
