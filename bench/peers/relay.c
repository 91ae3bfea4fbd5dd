/*
 * The yardstick of the relay: RTP between callers and an echo, each call on a port of its own, all of them on one core.
 *
 *   relay FIRST_PORT CALLS ECHO_PORT PEER_PORT
 *
 * Call i is 127.0.0.1:FIRST_PORT+i, its caller 127.1.0.0 + i, port PEER_PORT. Prints one line when it listens; ends with SIGTERM.
 *
 * Towards the echo there is one socket for all calls: the SSRC is the call's number on the way out and is put back on the way
 * in, also when the caller has taken another one meanwhile. Packets of many calls thus leave for the echo with one sendmmsg and
 * come back with one recvmmsg. Every socket is connected, so that no packet needs a route looked up. Edge-triggered epoll;
 * nothing allocated after the start. It measures nothing. UDP_SEGMENT and UDP_GRO are left out: it is the yardstick of batches.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
  BATCH = 64,
  /* Packets taken from one caller before the others have their turn. */
  TURN = 16,
  SLOTS = BATCH + TURN,
  EVENTS = 64,
  /* Batches taken from the echo before the callers have their turn: as much as that turn can have sent there, or the echo's
     answers would pile up in a relay that has fallen behind. */
  ECHO_TURN = 2 * EVENTS * TURN / BATCH,
  /* Not a power of two, or the headers of all slots would share a few lines of the cache. */
  SLOT = 1600,
  CALL_BUFFER = 512 * 1024,
  ECHO_BUFFER = 4 * 1024 * 1024,
  RTP_HEADER = 12,
  SSRC_AT = 8,
  SSRCS = 4, /* of one caller that may be under way at once */
  FIRST_PEER = 0x7f010000,
};

struct call {
  int fd;
  bool unread; /* its turn ended before its socket was empty */
  uint32_t newest;
  uint32_t ssrcs[SSRCS]; /* that its caller had last, in network order */
};

static struct call *calls;
static uint32_t call_count;
static uint32_t *unread; /* indices of the calls with that flag */
static uint32_t unread_count;
static int echo_fd;

static char out_packets[SLOTS][SLOT], back_packets[BATCH][SLOT];
/* Over the same slots: headers to receive with, whose length is the room, and to send with, whose length is the packet's. */
static struct iovec room[SLOTS], out_parts[SLOTS], back_room[BATCH], back_parts[BATCH];
static struct mmsghdr taken[SLOTS], out[SLOTS], back_taken[BATCH], back[BATCH];
static int slots_used, out_count;

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* Sends all; what the kernel refuses is dropped, as UDP may. */
static void send_all(int fd, struct mmsghdr *messages, int count) {
  bool again = true;
  for (int done = 0; done < count;) {
    const int n = sendmmsg(fd, messages + done, count - done, 0);
    if (n > 0) done += n;
    else if (errno == ECONNREFUSED && again) again = false; /* an earlier packet's error, told now: this one was not tried */
    else done++;
  }
}

static bool is_rtp(const char *packet, unsigned length) { return length >= RTP_HEADER && ((unsigned char)packet[0] >> 6) == 2; }

/* --- from the callers to the echo --- */

static void flush_out(void) {
  send_all(echo_fd, out, out_count);
  slots_used = out_count = 0;
}

/* One turn of a call. Returns whether its socket is empty. */
static bool take_from_caller(uint32_t index) {
  struct call *call = &calls[index];
  if (slots_used >= BATCH) flush_out();
  const int got = recvmmsg(call->fd, taken + slots_used, TURN, MSG_DONTWAIT, NULL);
  if (got < 0) return errno == EAGAIN;
  for (int i = 0; i < got; i++) {
    char *packet = out_packets[slots_used + i];
    const unsigned length = taken[slots_used + i].msg_len;
    if (!is_rtp(packet, length)) continue;
    uint32_t ssrc;
    memcpy(&ssrc, packet + SSRC_AT, sizeof ssrc);
    if (ssrc != call->ssrcs[call->newest]) {
      call->newest = (call->newest + 1) % SSRCS;
      call->ssrcs[call->newest] = ssrc;
    }
    const uint32_t number = htonl(index * SSRCS + call->newest);
    memcpy(packet + SSRC_AT, &number, sizeof number);
    out_parts[out_count++] = (struct iovec){packet, length};
  }
  slots_used += got;
  return got < TURN;
}

static void caller_ready(uint32_t index) {
  struct call *call = &calls[index];
  if (call->unread || take_from_caller(index)) return;
  call->unread = true;
  unread[unread_count++] = index;
}

/* The turns of those whose socket was not empty: no new edge tells of them. */
static void take_from_unread(uint32_t count) {
  uint32_t left = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (take_from_caller(unread[i])) calls[unread[i]].unread = false;
    else unread[left++] = unread[i];
  }
  memmove(unread + left, unread + count, (unread_count - count) * sizeof *unread);
  unread_count -= count - left;
}

/* --- from the echo to the callers --- */

static void send_back(struct call *call, int first, int count) {
  if (count == 1 && send(call->fd, back_parts[first].iov_base, back_parts[first].iov_len, 0) >= 0) return;
  send_all(call->fd, back + first, count);
}

/* Returns whether the socket is empty. */
static bool take_from_echo(void) {
  const int got = recvmmsg(echo_fd, back_taken, BATCH, MSG_DONTWAIT, NULL);
  if (got < 0) return errno == EAGAIN;
  /* Packets of one call in a row leave together. */
  struct call *run_of = NULL;
  int first = 0, count = 0;
  for (int i = 0; i < got; i++) {
    char *packet = back_packets[i];
    const unsigned length = back_taken[i].msg_len;
    uint32_t number;
    if (!is_rtp(packet, length)) continue;
    memcpy(&number, packet + SSRC_AT, sizeof number);
    number = ntohl(number);
    if (number / SSRCS >= call_count) continue;
    struct call *call = &calls[number / SSRCS];
    memcpy(packet + SSRC_AT, &call->ssrcs[number % SSRCS], sizeof number);
    if (count > 0 && call != run_of) {
      send_back(run_of, first, count);
      first += count;
      count = 0;
    }
    run_of = call;
    back_parts[first + count] = (struct iovec){packet, length};
    count++;
  }
  if (count > 0) send_back(run_of, first, count);
  return got < BATCH;
}

/* --- */

static int open_socket(int port, uint32_t peer, int peer_port, int buffer) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) die("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) die("bind");
  address.sin_addr.s_addr = htonl(peer);
  address.sin_port = htons(peer_port);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) die("connect");
  /* Beyond net.core.rmem_max where that is allowed. */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  return fd;
}

static void prepare_headers(void) {
  for (int i = 0; i < SLOTS; i++) {
    room[i] = (struct iovec){out_packets[i], SLOT};
    taken[i].msg_hdr = (struct msghdr){.msg_iov = &room[i], .msg_iovlen = 1};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &out_parts[i], .msg_iovlen = 1};
  }
  for (int i = 0; i < BATCH; i++) {
    back_room[i] = (struct iovec){back_packets[i], SLOT};
    back_taken[i].msg_hdr = (struct msghdr){.msg_iov = &back_room[i], .msg_iovlen = 1};
    back[i].msg_hdr = (struct msghdr){.msg_iov = &back_parts[i], .msg_iovlen = 1};
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return fprintf(stderr, "usage: relay FIRST_PORT CALLS ECHO_PORT PEER_PORT\n"), 2;
  const int first_port = atoi(argv[1]), echo_port = atoi(argv[3]), peer_port = atoi(argv[4]);
  call_count = atoi(argv[2]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);

  calls = calloc(call_count, sizeof *calls);
  unread = calloc(call_count, sizeof *unread);
  prepare_headers();
  const int ready = epoll_create1(0);
  for (uint32_t i = 0; i < call_count; i++) {
    calls[i].fd = open_socket(first_port + i, FIRST_PEER + i, peer_port, CALL_BUFFER);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = i};
    if (epoll_ctl(ready, EPOLL_CTL_ADD, calls[i].fd, &event) != 0) die("epoll_ctl");
  }
  echo_fd = open_socket(0, INADDR_LOOPBACK, echo_port, ECHO_BUFFER);
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = call_count};
  if (epoll_ctl(ready, EPOLL_CTL_ADD, echo_fd, &event) != 0) die("epoll_ctl");
  printf("relay listening on %d-%d\n", first_port, first_port + (int)call_count - 1);
  fflush(stdout);

  static struct epoll_event events[EVENTS];
  bool echo_unread = false;
  for (;;) {
    const uint32_t before = unread_count < EVENTS ? unread_count : EVENTS;
    const int count = epoll_wait(ready, events, EVENTS, before > 0 || echo_unread ? 0 : -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.u32 == call_count) echo_unread = true;
      else caller_ready(events[i].data.u32);
    }
    take_from_unread(before);
    flush_out();
    for (int turn = 0; turn < ECHO_TURN && echo_unread; turn++) echo_unread = !take_from_echo();
  }
}
