/*
 * A server that answers every datagram some milliseconds late, and knows by the kernel's own stamps how late. It stands between
 * an instrument and the server of that instrument: a datagram from the instrument is held, then passed on to the server; the
 * server's answer goes back at once. The truth of a round trip is the stamp of the answer's leaving for the instrument less the
 * stamp of the request's arrival: whatever the server, the holding and this program's own scheduling took is in it.
 *
 *   hold-echo SERVER_PORT HOLD_US SPREAD_US SIZE KEY_OFFSET KEY_BYTES
 *
 * Each datagram is held for HOLD_US and a pseudo-random part of SPREAD_US: with each a little different, a series of measured
 * round trips fits the true ones at one offset only. Datagrams of SIZE bytes are recorded; others (handshakes) only pass through.
 * Request and answer have the same KEY_BYTES (up to 8) at KEY_OFFSET.
 *
 * Listens on 127.0.0.1, on a port that it prints. One instrument at a time. With SIGTERM it prints, in the order of the
 * arrivals, the true nanoseconds of each recorded datagram, or -1 when it was not answered, and ends.
 */
#include "stamps.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

enum { MOST = 1 << 17, SLOT = 2048, HELD = 4096, NOBODY = -1 };

struct record {
  uint64_t key;
  int64_t arrived_ns, left_ns;
};

struct held {
  int64_t due_ns; /* CLOCK_MONOTONIC */
  int length;
  char bytes[SLOT];
};

static struct record records[MOST];
static int recorded, unanswered; /* all before `unanswered` have their answer */
static int record_of_send[MOST]; /* by send call */
static uint32_t sends;
static struct held ring[HELD];
static unsigned ring_head, ring_tail;
static struct sockaddr_in instrument;
static volatile sig_atomic_t stopped;

static int front, back; /* sockets to the instrument and to the server */
static int64_t hold_ns, spread_ns;
static int size, key_offset, key_bytes;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static int64_t next_hold_ns(void) {
  static uint32_t state = 2463534242; /* xorshift32 */
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return hold_ns + (spread_ns == 0 ? 0 : state % spread_ns);
}

static uint64_t key_of(const char *bytes) {
  uint64_t key = 0;
  memcpy(&key, bytes + key_offset, key_bytes);
  return key;
}

static void take_request(void) {
  struct held *slot = &ring[ring_tail % HELD];
  union stamp_control control;
  struct sockaddr_in source;
  struct iovec part = {slot->bytes, SLOT};
  struct msghdr message = {.msg_name = &source, .msg_namelen = sizeof source, .msg_iov = &part, .msg_iovlen = 1,
                           .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  const int length = recvmsg(front, &message, MSG_DONTWAIT);
  if (length < 0) return;
  const int64_t arrived_ns = stamp_of(&message);
  if (arrived_ns == 0) fprintf(stderr, "hold-echo: the kernel did not stamp an arrival\n"), exit(1);
  if (ring_tail - ring_head == HELD) fprintf(stderr, "hold-echo: more than %d datagrams to hold\n", HELD), exit(1);
  instrument = source;
  if (length == size) {
    if (recorded == MOST) fprintf(stderr, "hold-echo: more than %d datagrams\n", MOST), exit(1);
    records[recorded++] = (struct record){.key = key_of(slot->bytes), .arrived_ns = arrived_ns};
  }
  /* Counted from the arrival, not from when we woke up for it. */
  const int64_t waited_ns = now_ns(CLOCK_REALTIME) - arrived_ns;
  slot->due_ns = now_ns(CLOCK_MONOTONIC) - waited_ns + next_hold_ns();
  slot->length = length;
  ring_tail++;
}

static void pass_on_due(void) {
  while (ring_head != ring_tail && ring[ring_head % HELD].due_ns <= now_ns(CLOCK_MONOTONIC)) {
    struct held *slot = &ring[ring_head++ % HELD];
    if (send(back, slot->bytes, slot->length, 0) < 0) die("send to the server");
  }
}

static int record_with(uint64_t key) {
  for (int i = unanswered; i < recorded; i++) {
    if (records[i].key != key) continue;
    if (i == unanswered) unanswered++;
    return i;
  }
  return NOBODY;
}

static void take_answer(void) {
  char bytes[SLOT];
  const int length = recv(back, bytes, SLOT, MSG_DONTWAIT);
  if (length < 0) {
    if (errno == ECONNREFUSED) die("the server");
    return;
  }
  if (sends == MOST) fprintf(stderr, "hold-echo: more than %d answers\n", MOST), exit(1);
  record_of_send[sends++] = length == size ? record_with(key_of(bytes)) : NOBODY;
  if (sendto(front, bytes, length, 0, (struct sockaddr *)&instrument, sizeof instrument) < 0) die("send to the instrument");
}

static void take_stamps(void) {
  uint32_t send_call;
  int64_t at_ns;
  while (next_sent_stamp(front, &send_call, &at_ns)) {
    if (send_call < sends && record_of_send[send_call] != NOBODY) records[record_of_send[send_call]].left_ns = at_ns;
  }
}

static int bound_socket(void) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (const struct sockaddr *)&local, sizeof local) != 0) die("bind");
  return fd;
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: hold-echo SERVER_PORT HOLD_US SPREAD_US SIZE KEY_OFFSET KEY_BYTES\n"), 2;
  hold_ns = atoll(argv[2]) * 1000;
  spread_ns = atoll(argv[3]) * 1000;
  size = atoi(argv[4]);
  key_offset = atoi(argv[5]);
  key_bytes = atoi(argv[6]);
  if (key_offset < 0 || key_bytes < 1 || key_bytes > 8 || key_offset + key_bytes > size || size > SLOT) return fprintf(stderr, "hold-echo: no such key\n"), 2;
  prctl(PR_SET_TIMERSLACK, 1);

  switch_stamps_on();
  front = bound_socket();
  back = bound_socket();
  stamp_both_ways(front);
  const struct sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(back, (const struct sockaddr *)&server, sizeof server) != 0) die("connect");

  /* SIGTERM is let in only while waiting, so that it is never missed. */
  sigset_t term, during;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigprocmask(SIG_BLOCK, &term, &during);
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);

  struct sockaddr_in local;
  socklen_t local_bytes = sizeof local;
  getsockname(front, (struct sockaddr *)&local, &local_bytes);
  printf("hold-echo listening on %d\n", ntohs(local.sin_port));
  fflush(stdout);

  struct pollfd sockets[] = {{.fd = front, .events = POLLIN}, {.fd = back, .events = POLLIN}};
  while (!stopped) {
    int64_t left_ns = -1;
    if (ring_head != ring_tail) {
      left_ns = ring[ring_head % HELD].due_ns - now_ns(CLOCK_MONOTONIC);
      if (left_ns < 0) left_ns = 0;
    }
    const struct timespec left = timespec_of(left_ns);
    if (ppoll(sockets, 2, left_ns < 0 ? NULL : &left, &during) < 0 && errno != EINTR) die("ppoll");
    /* Answers first: what the instrument waits for. Stamps raise POLLERR until they are taken. */
    if (sockets[1].revents & (POLLIN | POLLERR)) take_answer();
    pass_on_due();
    if (sockets[0].revents & POLLIN) take_request();
    if (sockets[0].revents & POLLERR) take_stamps();
  }
  take_stamps();
  for (int i = 0; i < recorded; i++) printf("%lld\n", records[i].left_ns == 0 ? -1LL : (long long)(records[i].left_ns - records[i].arrived_ns));
  return 0;
}
