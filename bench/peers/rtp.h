/* The RTP packets of the load generators: 20 ms of PCMU, RFC 3550 §5.1. */
#ifndef RTP_H
#define RTP_H
#include <stdint.h>
#include <string.h>

enum { RTP_HEADER_BYTES = 12, RTP_BYTES = 172 };

/* Packet `index` of a stream: 160 samples of silence. */
static inline void rtp_write(unsigned char *packet, uint32_t ssrc, uint32_t index) {
  const uint32_t timestamp = index * (RTP_BYTES - RTP_HEADER_BYTES);
  packet[0] = 0x80; /* version 2 */
  packet[1] = index == 0 ? 0x80 : 0; /* marker of the first packet, payload type 0 */
  packet[2] = index >> 8;
  packet[3] = index;
  for (int i = 0; i < 4; i++) {
    packet[4 + i] = timestamp >> (24 - 8 * i);
    packet[8 + i] = ssrc >> (24 - 8 * i);
  }
  memset(packet + RTP_HEADER_BYTES, 0xff, RTP_BYTES - RTP_HEADER_BYTES);
}

static inline int rtp_sequence(const unsigned char *packet) {
  return packet[2] << 8 | packet[3];
}

static inline uint32_t rtp_ssrc(const unsigned char *packet) {
  return (uint32_t)packet[8] << 24 | packet[9] << 16 | packet[10] << 8 | packet[11];
}

#endif
