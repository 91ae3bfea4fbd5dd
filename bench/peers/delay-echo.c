/*
 * An echo that sends every datagram back to where it came from, DELAY_US after it was read: a path of that length. In the order of
 * the arrivals; any number of sources.
 *
 *   delay-echo DELAY_US        on 127.0.0.1, on a port that it prints; ends with SIGTERM
 */
#include "stamps.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

enum { SLOT = 2048, HELD = 1 << 14, BUFFER = 4 << 20 };

struct held {
  int64_t due_ns; /* CLOCK_MONOTONIC */
  struct sockaddr_in source;
  int length;
  char bytes[SLOT];
};

static struct held ring[HELD];
static unsigned head, tail;

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: delay-echo DELAY_US\n"), 2;
  const int64_t delay_ns = atoll(argv[1]) * 1000;
  prctl(PR_SET_TIMERSLACK, 1);

  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int buffer = BUFFER;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t local_bytes = sizeof local;
  if (bind(fd, (const struct sockaddr *)&local, sizeof local) != 0) die("bind");
  getsockname(fd, (struct sockaddr *)&local, &local_bytes);
  printf("delay-echo listening on %d\n", ntohs(local.sin_port));
  fflush(stdout);

  struct pollfd readable = {.fd = fd, .events = POLLIN};
  for (;;) {
    int64_t left_ns = -1;
    if (head != tail) {
      left_ns = ring[head % HELD].due_ns - now_ns(CLOCK_MONOTONIC);
      if (left_ns < 0) left_ns = 0;
    }
    const struct timespec left = timespec_of(left_ns < 0 ? 0 : left_ns);
    if (ppoll(&readable, 1, left_ns < 0 ? NULL : &left, NULL) < 0 && errno != EINTR) die("ppoll");
    while (head != tail && ring[head % HELD].due_ns <= now_ns(CLOCK_MONOTONIC)) {
      struct held *slot = &ring[head++ % HELD];
      /* A source that is gone already is no error of ours. */
      sendto(fd, slot->bytes, slot->length, 0, (struct sockaddr *)&slot->source, sizeof slot->source);
    }
    while (readable.revents & POLLIN) {
      if (tail - head == HELD) return fprintf(stderr, "delay-echo: more than %d datagrams to hold\n", HELD), 1;
      struct held *slot = &ring[tail % HELD];
      socklen_t source_bytes = sizeof slot->source;
      slot->length = recvfrom(fd, slot->bytes, SLOT, MSG_DONTWAIT, (struct sockaddr *)&slot->source, &source_bytes);
      if (slot->length < 0) break;
      slot->due_ns = now_ns(CLOCK_MONOTONIC) + delay_ns;
      tail++;
    }
  }
}
