/*
 * Load for an echo on 127.0.0.1, and the judge of what comes back: counts, loss, latency. Prints one line of JSON.
 *
 *   load-echo --port P [--sources N] [--size BYTES] [--train T] --seconds S
 *             [--window W]                     closed loop: W packets always under way, over all sources
 *             [--rate PPS [--burst B]]         open loop: packets due at start + n / PPS, in groups of B
 *             [--rate PPS --stamps]            the same, latency from the kernel's own stamps
 *
 * A source is an address of its own (127.1.0.1 and so on), all of them on one socket: to the server that is as many peers as
 * there are sources, and the load costs the same for 1 and for 1000 of them, which a socket each would not.
 * With trains, T packets of one source leave as one UDP_SEGMENT message, and UDP_GRO takes in what comes back.
 * Latency: closed loop, from sending; open loop, from when the packet was due; with stamps, from the kernel's transmit stamp to
 * its receive stamp (SO_TIMESTAMPING in software), so that nothing of this program is in it.
 *
 * A packet: 14 bytes that the server of sockperf answers (sequence number, flags client and pong, length), then at 16 the
 * packet's number, at 24 an instant in ns, and from 32 a pattern that must come back unaltered.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, MAX_SIZE = 1472, HEADER = 32, BUFFER = 4 * 1024 * 1024, REST_NS = 20 * 1000 };
/*
 * So many empty looks end the waiting, 10 s of them where nothing may be lost and 2 s where it may. Looks and not time, and
 * many: where the whole machine stood still, or a server had to wait for its core, what comes then is not lost.
 */
enum { CLOSED_PATIENCE = 500 * 1000, OPEN_PATIENCE = 100 * 1000 };

static long port, sources = 1, size = 172, train = 1, window, rate, burst = 1;
static double seconds;
static bool stamps;

static int fd;
static long sent, received, altered;
static int64_t late_max; /* open loop: how far behind a burst was sent */
static char pattern[MAX_SIZE];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* --- latency: a histogram of 128 steps to each power of two --- */

static long counts[64 * 256], samples;
static int64_t latency_max;

static void latency_record(int64_t ns) {
  if (ns < 0) ns = 0;
  const int shift = ns < 256 ? 0 : 63 - __builtin_clzll(ns) - 8 + 1;
  counts[shift * 256 + (ns >> shift)]++;
  samples++;
  if (ns > latency_max) latency_max = ns;
}

/* The middle of the step in which the quantile lies. */
static int64_t latency_quantile(double q) {
  long rank = (long)(q * samples), i = 0;
  while (i < 64 * 256 - 1 && (rank -= counts[i]) >= 0) i++;
  const int shift = i / 256;
  return ((int64_t)(i % 256) << shift) + ((1LL << shift) >> 1);
}

/* --- sending --- */

static char out_packets[BATCH * MAX_SIZE];
static struct iovec out_parts[BATCH];
static struct mmsghdr out[BATCH];
static char out_control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
static struct in_pktinfo *out_source[BATCH];
static struct sockaddr_in server;

static void prepare_sending(void) {
  server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < MAX_SIZE; i++) pattern[i] = (char)(i * 7);
  for (int i = 0; i < BATCH; i++) {
    memcpy(out_packets + i * size, pattern, size);
    out_parts[i] = (struct iovec){out_packets + i * train * size, train * size};
    struct msghdr *message = &out[i].msg_hdr;
    *message = (struct msghdr){.msg_name = &server, .msg_namelen = sizeof server, .msg_iov = &out_parts[i], .msg_iovlen = 1};
    message->msg_control = out_control[i];
    message->msg_controllen = sizeof out_control[i];
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    *control = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
    out_source[i] = (struct in_pktinfo *)CMSG_DATA(control);
    if (train == 1) {
      message->msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
      continue;
    }
    control = CMSG_NXTHDR(message, control);
    *control = (struct cmsghdr){CMSG_LEN(sizeof(uint16_t)), IPPROTO_UDP, UDP_SEGMENT};
    *(uint16_t *)CMSG_DATA(control) = size;
  }
}

/* Sends count packets, a multiple of the train, at most BATCH; at_ns goes with each. */
static void send_packets(int count, int64_t at_ns) {
  const int messages = count / train;
  const uint16_t flags = htons(3);
  const uint32_t length = htonl(size);
  for (int i = 0; i < count; i++) {
    char *packet = out_packets + i * size;
    const uint64_t number = sent + i, sequence = htobe64(number);
    memcpy(packet, &sequence, 8);
    memcpy(packet + 8, &flags, 2);
    memcpy(packet + 10, &length, 4);
    memcpy(packet + 16, &number, 8);
    memcpy(packet + 24, &at_ns, 8);
  }
  for (int i = 0; i < messages; i++) out_source[i]->ipi_spec_dst.s_addr = htonl(0x7f010001 + (sent / train + i) % sources);
  sent += count;
  for (int done = 0; done < messages;) {
    const int n = sendmmsg(fd, out + done, messages - done, 0);
    if (n < 0 && errno != EINTR) die("sendmmsg");
    if (n > 0) done += n;
  }
}

/* --- receiving --- */

static char *in_packets;
static struct iovec in_parts[BATCH];
static struct mmsghdr in[BATCH];
static char in_control[BATCH][256];
static struct timespec *tx_stamps, *rx_stamps; /* by packet number */
static long planned;

static void prepare_receiving(void) {
  const size_t slot = train == 1 ? 2048 : 65536;
  in_packets = malloc(BATCH * slot);
  for (int i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){in_packets + i * slot, slot};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
  }
  if (!stamps) return;
  tx_stamps = calloc(planned, sizeof *tx_stamps);
  rx_stamps = calloc(planned, sizeof *rx_stamps);
}

static struct timespec stamp_of(struct msghdr *message) {
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPING) return ((struct scm_timestamping *)CMSG_DATA(c))->ts[0];
  }
  return (struct timespec){0};
}

/* The transmit stamps that wait on the error queue. */
static void take_tx_stamps(void) {
  char control[256];
  for (;;) {
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) continue;
      const struct sock_extended_err *error = (struct sock_extended_err *)CMSG_DATA(c);
      if (error->ee_origin == SO_EE_ORIGIN_TIMESTAMPING && error->ee_data < planned) tx_stamps[error->ee_data] = stamp_of(&message);
    }
  }
}

static void take_packet(const char *packet, int64_t now, struct msghdr *message) {
  uint64_t number;
  int64_t at_ns;
  memcpy(&number, packet + 16, 8);
  memcpy(&at_ns, packet + 24, 8);
  received++;
  if (memcmp(packet + HEADER, pattern + HEADER, size - HEADER) != 0 || number >= (uint64_t)sent) altered++;
  else if (stamps) rx_stamps[number] = stamp_of(message);
  else latency_record(now - at_ns);
}

/* Takes what is there, at most a batch, and returns how many packets that was. */
static long receive_packets(void) {
  if (stamps) {
    for (int i = 0; i < BATCH; i++) {
      in[i].msg_hdr.msg_control = in_control[i];
      in[i].msg_hdr.msg_controllen = sizeof in_control[i];
    }
  }
  const int messages = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
  if (messages < 0 && errno != EAGAIN && errno != EINTR) die("recvmmsg");
  const int64_t now = now_ns();
  const long before = received;
  for (int i = 0; i < messages; i++) {
    const char *bytes = in_parts[i].iov_base;
    if (in[i].msg_len % size != 0) altered++;
    for (long at = 0; at + size <= in[i].msg_len; at += size) take_packet(bytes + at, now, &in[i].msg_hdr);
  }
  return received - before;
}

/* --- the two loops --- */

static void rest(void) {
  const int64_t end = now_ns() + REST_NS;
  while (now_ns() < end) {
  }
}

static void closed_loop(int64_t end) {
  /* Part of the window at a time, so that the server is never left without work. */
  const int quantum = window < BATCH ? window : BATCH / 2;
  long under_way = 0;
  int rests = 0;
  for (;;) {
    const int64_t now = now_ns();
    while (now < end && window - under_way >= quantum) {
      send_packets(quantum, now);
      under_way += quantum;
    }
    if (under_way == 0) return;
    const long got = receive_packets();
    under_way = got < under_way ? under_way - got : 0;
    rests = got > 0 ? 0 : rests + 1;
    if (rests > CLOSED_PATIENCE) under_way = 0;
    /* Lets a batch come together without going to sleep: a server does not pay for waking a peer that is another machine. */
    if (got < quantum) rest();
  }
}

static void wait_until(int64_t due) {
  const int64_t left = due - now_ns();
  if (left <= 0) return;
  const struct timespec timeout = {left / 1000000000, left % 1000000000};
  struct pollfd entry = {fd, POLLIN, 0};
  ppoll(&entry, 1, &timeout, NULL);
}

static void open_loop(int64_t start) {
  const int group = burst < BATCH ? burst : BATCH;
  while (sent < planned) {
    const int64_t due = start + (int64_t)((double)sent / rate * 1e9), now = now_ns();
    if (now >= due) {
      if (now - due > late_max) late_max = now - due;
      send_packets(planned - sent < group ? planned - sent : group, due);
    }
    const long got = receive_packets();
    if (!stamps) continue; /* never asleep, as in the closed loop */
    take_tx_stamps();
    if (got == 0) wait_until(start + (int64_t)((double)sent / rate * 1e9));
  }
  for (int rests = 0; received < sent && rests < OPEN_PATIENCE; rests++) {
    if (receive_packets() > 0) rests = 0;
    rest();
  }
  if (!stamps) return;
  take_tx_stamps();
  for (long i = 0; i < planned; i++) {
    const struct timespec tx = tx_stamps[i], rx = rx_stamps[i];
    if (tx.tv_sec != 0 && rx.tv_sec != 0) latency_record((rx.tv_sec - tx.tv_sec) * 1000000000LL + rx.tv_nsec - tx.tv_nsec);
  }
}

static void set(int level, int name, int value, const char *what) {
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) die(what);
}

static void open_socket(void) {
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) die("socket");
  const int bytes = BUFFER;
  /* Beyond net.core.rmem_max where that is allowed: what this program loses is not the server's loss. */
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) set(SOL_SOCKET, SO_RCVBUF, BUFFER, "SO_RCVBUF");
  set(SOL_SOCKET, SO_SNDBUF, BUFFER, "SO_SNDBUF");
  if (train > 1) set(IPPROTO_UDP, UDP_GRO, 1, "UDP_GRO");
  if (stamps) {
    set(SOL_SOCKET, SO_TIMESTAMPING,
        SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_OPT_ID |
            SOF_TIMESTAMPING_OPT_TSONLY,
        "SO_TIMESTAMPING");
  }
  const struct sockaddr_in any = {.sin_family = AF_INET};
  if (bind(fd, (const struct sockaddr *)&any, sizeof any) != 0) die("bind");
}

/* Packets that this program's own receive buffer had no room for. */
static long own_drops(void) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t length = sizeof memory;
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
  return memory[SK_MEMINFO_DROPS];
}

static void read_options(int argc, char **argv) {
  static const struct option names[] = {{"port", 1, 0, 'p'},  {"sources", 1, 0, 'n'}, {"size", 1, 0, 's'},    {"train", 1, 0, 't'},
                                        {"window", 1, 0, 'w'}, {"rate", 1, 0, 'r'},    {"burst", 1, 0, 'b'},   {"seconds", 1, 0, 'd'},
                                        {"stamps", 0, 0, 'k'}, {0}};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    const double value = optarg == NULL ? 0 : atof(optarg);
    switch (c) {
      case 'p': port = value; break;
      case 'n': sources = value; break;
      case 's': size = value; break;
      case 't': train = value; break;
      case 'w': window = value; break;
      case 'r': rate = value; break;
      case 'b': burst = value; break;
      case 'd': seconds = value; break;
      case 'k': stamps = true; break;
      default: exit(2);
    }
  }
  planned = rate * seconds;
  const bool sane = optind == argc && port > 0 && sources > 0 && size >= HEADER && size <= MAX_SIZE && seconds > 0 && train > 0 && burst > 0;
  const bool closed = sane && window > 0 && rate == 0 && window % train == 0 && BATCH / 2 % train == 0 && !stamps;
  const bool open = sane && window == 0 && planned > 0 && burst % train == 0 && planned % train == 0 && (!stamps || train == 1);
  if (!closed && !open) {
    fprintf(stderr, "load-echo: wrong options; its source says which there are\n");
    exit(2);
  }
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  open_socket();
  prepare_sending();
  prepare_receiving();
  const int64_t start = now_ns();
  if (rate > 0) open_loop(start);
  else closed_loop(start + seconds * 1000000000LL);
  printf("{\"sent\":%ld,\"received\":%ld,\"lost\":%ld,\"altered\":%ld,\"ownDrops\":%ld,\"seconds\":%.6f,\"samples\":%ld,"
         "\"lateMaxNs\":%ld,\"p50Ns\":%ld,\"p99Ns\":%ld,\"maxNs\":%ld}\n",
         sent, received, sent - received, altered, own_drops(), (now_ns() - start) / 1e9, samples, (long)late_max, (long)latency_quantile(0.5),
         (long)latency_quantile(0.99), (long)latency_max);
}
