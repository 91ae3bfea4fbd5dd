/** What makes the encryption of each packet another one. Pure. */

/**
 * Writes the salt, filled up with zeros, and on it the SSRC and behind that the 48-bit index of the packet.
 *
 * @param ssrcAt 4 in counter mode (RFC 3711 §4.1.1), 2 in GCM (RFC 7714 §8.1).
 */
export function setPacketIv(iv: Uint8Array, salt: Uint8Array, ssrcAt: number, ssrc: number, index: number): void {
  iv.fill(0);
  iv.set(salt);
  const rollover = Math.floor(index / 65_536);
  for (let i = 0; i < 4; i++) {
    const shift = 24 - 8 * i;
    iv[ssrcAt + i] = (iv[ssrcAt + i] as number) ^ (ssrc >>> shift);
    iv[ssrcAt + 4 + i] = (iv[ssrcAt + 4 + i] as number) ^ (rollover >>> shift);
  }
  iv[ssrcAt + 8] = (iv[ssrcAt + 8] as number) ^ (index >>> 8);
  iv[ssrcAt + 9] = (iv[ssrcAt + 9] as number) ^ index;
}
