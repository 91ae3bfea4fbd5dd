/** `[media]` and `[relay]`: the packets of the calls. */
import { key, table } from '../../service/config/schema.ts';
import type { Table } from '../../service/config/schema.ts';
import { choice, decimal, integer, listOf, text, yesOrNo } from '../../service/config/value-types.ts';
import { spaced } from './signalling.ts';

export type CodecName = 'PCMU' | 'PCMA' | 'L16';

export interface MediaSection {
  readonly rtp_port_range_start: number;
  readonly rtp_port_range_end: number;
  readonly preferred_codecs: readonly CodecName[];
  readonly audio_sample_rate: 8_000 | 16_000;
  readonly ptime_ms: number;
  readonly enable_dtmf: boolean;
  readonly enable_in_band_dtmf: boolean;
  readonly symmetric_rtp: 'never' | 'when-private';
  readonly third_party: boolean;
  readonly stamp_echoes: boolean;
}

const LOWEST_PORT = 1_024;
const HIGHEST_PORT = 65_535;

export const MEDIA: Table<MediaSection> = table<MediaSection>('RTP of the calls.', {
  rtp_port_range_start: key(integer(LOWEST_PORT, HIGHEST_PORT), {
    default: 10_000,
    doc: 'First UDP port; a call takes two, RTP and RTCP.',
  }),
  rtp_port_range_end: key(integer(LOWEST_PORT, HIGHEST_PORT), { default: 20_000, doc: 'Last UDP port, inclusive.' }),
  preferred_codecs: key(listOf(choice(['PCMU', 'PCMA', 'L16']), 1, 3, 'distinct'), {
    default: ['PCMU', 'PCMA'],
    reloadable: true,
    doc: 'What is offered and accepted, the first choice first.',
  }),
  audio_sample_rate: key(choice([8_000, 16_000]), { default: 8_000, reloadable: true, doc: 'Hertz of L16; G.711 has 8000 always.' }),
  ptime_ms: key(choice([10, 20, 30, 40, 50, 60]), {
    default: 20,
    reloadable: true,
    doc: 'Audio in a packet, in milliseconds, unless the caller asks for another.',
  }),
  enable_dtmf: key(yesOrNo, { default: true, reloadable: true, doc: 'Hear digits: RFC 4733 events and SIP INFO.' }),
  enable_in_band_dtmf: key(yesOrNo, { default: true, reloadable: true, doc: 'With enable_dtmf: hear them in the audio too.' }),
  symmetric_rtp: key(choice(['never', 'when-private']), {
    default: 'when-private',
    reloadable: true,
    doc: 'Send to where packets come from when the SDP names a private address and the signalling came from a public one.',
  }),
  third_party: key(yesOrNo, {
    default: false,
    reloadable: true,
    doc: 'Send RTP to another address than signalling came from; needed behind a proxy, and a way to flood somebody else.',
  }),
  stamp_echoes: key(yesOrNo, {
    default: false,
    doc: 'With action "echo": write the times at which a packet came and left into those that ask for it (probe --one-way).',
  }),
});

export interface RelaySection {
  readonly echo_host: string;
  readonly echo_port: number;
  readonly echo_socket: 'shared' | 'per-call';
  readonly loss_timeout_ms: number;
  readonly late_threshold_ms: number;
}

export const RELAY: Table<RelaySection> = table<RelaySection>('The measured path of action "relay".', {
  echo_host: key(text({ what: 'a host name or address', most: 255, fault: spaced }), {
    default: '127.0.0.1',
    doc: 'Where the echo server is.',
  }),
  echo_port: key(integer(1, 65_535), { default: 4_000, doc: 'Its UDP port.' }),
  echo_socket: key(choice(['shared', 'per-call']), {
    default: 'shared',
    doc: "All calls reach the echo from one shared port, quickest, or each from the call's own.",
  }),
  // The histogram ends at 60 s.
  loss_timeout_ms: key(integer(1, 60_000), { default: 2_000, doc: 'An echo that takes longer counts as lost.' }),
  late_threshold_ms: key(decimal(0, 60_000), {
    default: 3,
    doc: 'A returned packet is late when it comes later than expected by more than this.',
  }),
});
