/** One captured frame as a reader hands it on, and the link types whose frames can be looked into. */

/** Reused from frame to frame: copy what must be kept. */
export interface CapturedFrame {
  bytes: Uint8Array;
  offset: number;
  /** Bytes of the frame that are in the file from `offset` on, up to {@link FRAME_BYTES}. */
  length: number;
  /** Since the first frame of the file that has a time, ns; NaN of a frame without one. */
  atNs: number;
  linkType: number;
}

/** More of a frame is never looked at: the largest IP datagram and its link header are shorter. */
export const FRAME_BYTES = 66_000;
/** What libpcap itself takes for the longest frame, bytes; a longer one is a length that was damaged. */
export const MAX_FRAME_BYTES = 262_144;

/** Link types, by the list of the Tcpdump group. */
export const LINK = {
  null: 0,
  ethernet: 1,
  /** Raw IP, as some systems call it in memory and so in old files. */
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const KNOWN: ReadonlySet<number> = new Set(Object.values(LINK));

export function isKnownLink(linkType: number): boolean {
  return KNOWN.has(linkType);
}

/** What a reader of one format does. */
export interface FormatReader {
  readonly format: 'pcap' | 'pcapng';
  /**
   * Takes whole records out of `bytes[start … end)`, the file's bytes from `fileOffset` on.
   *
   * @returns the offset of the first byte not taken, which may lie beyond `end`: what is between is not needed.
   * @throws RtplatError `format`, with the offset in the file.
   */
  take(bytes: Uint8Array, start: number, end: number, fileOffset: number): number;
  /** Wall clock of the first frame with a time, ns since 1970; undefined before there is one. */
  readonly baseNs: bigint | undefined;
  /** Records that are no frames of a known link type, and were passed over. */
  readonly foreign: number;
  /** Frames that whoever captured had to drop, as the file says; null when it does not say. */
  readonly dropped: number | null;
}
