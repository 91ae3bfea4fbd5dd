/*
 * The best that a user-space program can know of a round trip: RTP-sized packets at absolute deadlines, each round trip the
 * kernel's stamp of the arrival less the kernel's stamp of the departure. What remains of its error is the kernel's own path.
 *
 *   stamp-client PORT PACKETS_PER_SECOND PACKETS        to 127.0.0.1; prints the round trips as one JSON array, ns, null when lost
 */
#include "stamps.h"
#include "rtp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

enum { MOST = 1 << 16 }; /* sequence numbers */
static const int64_t GRACE_NS = 500000000;

static int64_t left_ns[MOST], arrived_ns[MOST];
static int answers, stamps, sent;

static void take_answers(int fd) {
  for (;;) {
    unsigned char bytes[RTP_BYTES];
    union stamp_control control;
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    if (recvmsg(fd, &message, MSG_DONTWAIT) != RTP_BYTES) return;
    const int sequence = rtp_sequence(bytes);
    if (sequence >= sent || arrived_ns[sequence] != 0) continue;
    arrived_ns[sequence] = stamp_of(&message);
    answers++;
  }
}

static void take_stamps(int fd) {
  uint32_t send_call;
  int64_t at_ns;
  while (next_sent_stamp(fd, &send_call, &at_ns)) {
    if (send_call < MOST) left_ns[send_call] = at_ns;
    stamps++;
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: stamp-client PORT PACKETS_PER_SECOND PACKETS\n"), 2;
  const int64_t interval_ns = 1000000000 / atoll(argv[2]);
  const int packets = atoi(argv[3]);
  if (packets > MOST) return fprintf(stderr, "stamp-client: %d packets at most\n", MOST), 2;
  prctl(PR_SET_TIMERSLACK, 1);

  switch_stamps_on();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(fd, (const struct sockaddr *)&server, sizeof server) != 0) die("connect");
  stamp_both_ways(fd);

  unsigned char packet[RTP_BYTES];
  const int64_t start_ns = now_ns(CLOCK_MONOTONIC) + 10000000;
  const int64_t end_ns = start_ns + packets * interval_ns + GRACE_NS;
  struct pollfd socket = {.fd = fd, .events = POLLIN};
  while (sent < packets || answers < packets || stamps < packets) {
    const int64_t next_ns = sent < packets ? start_ns + sent * interval_ns : end_ns;
    const int64_t left = next_ns - now_ns(CLOCK_MONOTONIC);
    if (left <= 0) {
      if (sent == packets) break;
      rtp_write(packet, 1, sent);
      if (send(fd, packet, RTP_BYTES, 0) < 0) die("send");
      sent++;
      continue;
    }
    const struct timespec wait = timespec_of(left);
    if (ppoll(&socket, 1, &wait, NULL) < 0 && errno != EINTR) die("ppoll");
    if (socket.revents & POLLERR) take_stamps(fd);
    if (socket.revents & POLLIN) take_answers(fd);
  }
  for (int i = 0; i < packets; i++) {
    const char *before = i == 0 ? "[" : ",";
    if (left_ns[i] == 0 || arrived_ns[i] == 0) printf("%snull", before);
    else printf("%s%lld", before, (long long)(arrived_ns[i] - left_ns[i]));
  }
  printf("]\n");
  return 0;
}
