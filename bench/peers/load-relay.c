/*
 * Load for a relay of RTP on 127.0.0.1, standing where the callers would, and the judge of what comes back: counts, loss,
 * latency, and whether every packet is bit for bit the one that was sent (`altered`). Prints one line of JSON.
 *
 *   load-relay --ports LIST --from PORT --seconds S --window W    closed loop: W packets of each call always under way
 *   load-relay --ports LIST --from PORT --seconds S --rate PPS    open loop: PPS packets/s of each call
 *
 * LIST is the relay's port of each call, `20000-20099,20200`; `4000x100` stands for 100 calls to one port, an echo. Call i comes
 * from an address of its own: 127.1.0.0 + i, port PORT. To the relay that is as many callers as there are calls; here it is one
 * socket, since with one a call this program would be slower than what it measures.
 *
 * Open loop: the calls are spread evenly over the interval, in steps of 0.2 ms, and packet n of a call is due at
 * start + phase + n / PPS, whatever came before; `late…Ns` tells how late they left. What came back is taken once a step, too:
 * finer steps cost this program more time than the relay needs, and both ends of the path share its core.
 * Latency: from the clock right before the send to the kernel's receive stamp (SO_TIMESTAMPNS), so that the time a packet waits
 * for this program is not the relay's; in the closed loop to the clock after the receive.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

enum {
  HEADER = 12,
  PAYLOAD = 160,
  SIZE = HEADER + PAYLOAD,
  TICKS = 160, /* of the RTP clock, a packet */
  MAX_CALLS = 10000,
  MAX_WINDOW = 64,
  RING = 256, /* packets of a call whose fate can still be learned: 5 s at 50 a second */
  BATCH = 64,
  /* Of those that are due: they share one reading of the clock, which is no older than this many sends. */
  DUE_BATCH = 8,
  BUFFER = 4 * 1024 * 1024,
  PATTERN = 256,
  FIRST_ADDRESS = 0x7f010000,
  STEP_NS = 200000,
  SCAN_NS = 100000000,
  LOST_AFTER_NS = 500000000,
  SSRC_STEP = 0x1e3779b9, /* odd: every call gets another SSRC, and none is small or the next of another */
};

struct call {
  int port; /* of the relay */
  uint32_t ssrc;
  uint32_t first_timestamp;
  uint16_t first_sequence;
  long sent, under_way;
  int64_t heard_ns;      /* when its last packet came back */
  int64_t sent_ns[RING]; /* of packet n at n % RING; 0 when it is back */
};

static struct call *calls;
static long call_count, window, rate, from;
static double seconds;
static int fd;
static long sent, received, altered, duplicates, strays;
static char pattern[PATTERN + PAYLOAD];

static void die(const char *what) {
  perror(what);
  exit(1);
}

static int64_t clock_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Deadlines are of the monotonic clock; stamps of the wall clock, which is the kernel's for packets. */
static int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
static int64_t stamp_ns(void) { return clock_ns(CLOCK_REALTIME); }

/* --- histograms of 256 steps to each power of two --- */

struct histogram {
  long counts[64 * 256], samples;
};

static struct histogram latency, lateness;

static void record(struct histogram *h, int64_t ns) {
  if (ns < 0) ns = 0;
  const int shift = ns < 256 ? 0 : 63 - __builtin_clzll(ns) - 8 + 1;
  h->counts[shift * 256 + (ns >> shift)]++;
  h->samples++;
}

/* Prints `"NAME":NS`: the middle of the step in which the quantile lies, or null when nothing was recorded. */
static void print_quantile(const char *name, const struct histogram *h, double q) {
  if (h->samples == 0) {
    printf(",\"%s\":null", name);
    return;
  }
  long rank = (long)(q * h->samples), i = 0;
  while (i < 64 * 256 - 1 && (rank -= h->counts[i]) >= 0) i++;
  const int shift = i / 256;
  printf(",\"%s\":%lld", name, ((i % 256LL) << shift) + ((1LL << shift) >> 1));
}

/* --- packets: all of packet n of a call follows from n, so that what comes back can be compared --- */

static uint32_t first_ssrc;   /* another one each run: what a relay still held of the run before is told apart */
static uint32_t ssrc_inverse; /* SSRC_STEP * ssrc_inverse = 1 modulo 2^32 */

static void prepare_packets(void) {
  first_ssrc = (uint32_t)(stamp_ns() >> 10);
  for (int i = 0; i < PATTERN + PAYLOAD; i++) pattern[i] = (char)(i % PATTERN * 37 + i % PATTERN / 7);
  ssrc_inverse = SSRC_STEP;
  for (int i = 0; i < 4; i++) ssrc_inverse *= 2 - SSRC_STEP * ssrc_inverse; /* each step doubles the bits that are right */
  for (long i = 0; i < call_count; i++) {
    struct call *call = &calls[i];
    call->ssrc = first_ssrc + SSRC_STEP * (uint32_t)i;
    call->first_sequence = (uint16_t)(call->ssrc >> 7);
    call->first_timestamp = call->ssrc ^ 0x5bd1e995;
  }
}

/* The call of an SSRC; call_count or more when it is nobody's. */
static uint32_t index_of(uint32_t ssrc) { return (ssrc - first_ssrc) * ssrc_inverse; }

static void write_packet(char *packet, const struct call *call, long n) {
  const uint16_t sequence = htons((uint16_t)(call->first_sequence + n));
  const uint32_t timestamp = htonl((uint32_t)(call->first_timestamp + n * TICKS)), ssrc = htonl(call->ssrc);
  packet[0] = (char)0x80;              /* version 2 */
  packet[1] = n == 0 ? (char)0x80 : 0; /* PCMU; the marker at the start of the talk */
  memcpy(packet + 2, &sequence, 2);
  memcpy(packet + 4, &timestamp, 4);
  memcpy(packet + 8, &ssrc, 4);
  memcpy(packet + HEADER, pattern + (call->ssrc + n * 7) % PATTERN, PAYLOAD);
}

/* --- sending: packets are put into a batch, and leave with it --- */

static char out_packets[BATCH][SIZE];
static struct iovec out_parts[BATCH];
static struct mmsghdr out[BATCH];
static struct sockaddr_in out_to[BATCH];
static char out_control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
static int64_t *out_stamp[BATCH]; /* where the instant of sending goes */
static int out_count;

static void prepare_sending(void) {
  for (int i = 0; i < BATCH; i++) {
    out_parts[i] = (struct iovec){out_packets[i], SIZE};
    out_to[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct msghdr *message = &out[i].msg_hdr;
    *message = (struct msghdr){.msg_name = &out_to[i], .msg_namelen = sizeof out_to[i], .msg_iov = &out_parts[i], .msg_iovlen = 1};
    message->msg_control = out_control[i];
    message->msg_controllen = sizeof out_control[i];
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    *control = (struct cmsghdr){CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO};
  }
}

static void flush(void) {
  const int64_t at = stamp_ns();
  for (int i = 0; i < out_count; i++) *out_stamp[i] = at;
  for (int done = 0; done < out_count;) {
    const int n = sendmmsg(fd, out + done, out_count - done, 0);
    if (n < 0 && errno != EINTR) die("sendmmsg");
    if (n > 0) done += n;
  }
  out_count = 0;
}

/* The next packet of a call. */
static void put(struct call *call) {
  if (out_count == BATCH) flush();
  const int i = out_count++;
  write_packet(out_packets[i], call, call->sent);
  out_to[i].sin_port = htons(call->port);
  ((struct in_pktinfo *)CMSG_DATA((struct cmsghdr *)out_control[i]))->ipi_spec_dst.s_addr = htonl(FIRST_ADDRESS + (call - calls));
  out_stamp[i] = &call->sent_ns[call->sent % RING];
  call->sent++;
  call->under_way++;
  sent++;
}

/* --- receiving --- */

static char in_packets[BATCH][SIZE + 4];
static struct iovec in_parts[BATCH];
static struct mmsghdr in[BATCH];
static struct sockaddr_in in_from[BATCH];
static char in_control[BATCH][CMSG_SPACE(sizeof(struct timespec))];

static void prepare_receiving(void) {
  for (int i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){in_packets[i], sizeof in_packets[i]};
    in[i].msg_hdr = (struct msghdr){.msg_name = &in_from[i], .msg_namelen = sizeof in_from[i], .msg_iov = &in_parts[i], .msg_iovlen = 1};
  }
}

static int64_t kernel_stamp(struct msghdr *message) {
  struct timespec t = {0};
  struct cmsghdr *c = CMSG_FIRSTHDR(message);
  if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) memcpy(&t, CMSG_DATA(c), sizeof t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Takes a packet. Returns the call that it belongs to, or NULL when it is not a packet that one of them sent. */
static struct call *take_packet(const char *packet, unsigned length, int port, int64_t at) {
  uint32_t timestamp, ssrc;
  char expected[SIZE];
  memcpy(&timestamp, packet + 4, 4);
  memcpy(&ssrc, packet + 8, 4);
  const uint32_t index = index_of(ntohl(ssrc));
  if (index >= call_count) {
    strays++;
    return NULL;
  }
  struct call *call = &calls[index];
  const long n = (uint32_t)(ntohl(timestamp) - call->first_timestamp) / TICKS;
  write_packet(expected, call, n);
  if (length != SIZE || n >= call->sent || port != call->port || memcmp(packet, expected, SIZE) != 0) {
    altered++;
    return NULL;
  }

  int64_t *sent_ns = &call->sent_ns[n % RING];
  if (call->sent - n > RING) return call; /* given up long ago */
  if (*sent_ns == 0) {
    duplicates++;
    return call;
  }
  record(&latency, at - *sent_ns);
  *sent_ns = 0;
  received++;
  if (call->under_way > 0) call->under_way--;
  return call;
}

/* Takes what is there, at most a batch. With a window, each call gets its next packets put. Returns how many came. */
static int take_packets(void) {
  if (rate > 0) {
    for (int i = 0; i < BATCH; i++) {
      in[i].msg_hdr.msg_control = in_control[i];
      in[i].msg_hdr.msg_controllen = sizeof in_control[i];
    }
  }
  const int got = recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL);
  if (got < 0 && errno != EAGAIN && errno != EINTR) die("recvmmsg");
  const int64_t at = rate > 0 ? 0 : stamp_ns();
  for (int i = 0; i < got; i++) {
    struct call *call = take_packet(in_packets[i], in[i].msg_len, ntohs(in_from[i].sin_port), rate > 0 ? kernel_stamp(&in[i].msg_hdr) : at);
    if (call == NULL) continue;
    call->heard_ns = at;
    while (call->under_way < window) put(call);
  }
  if (out_count > 0) flush();
  return got > 0 ? got : 0;
}

/* Returns whether something came before until_ns. */
static bool await_packets(int64_t until_ns) {
  const int64_t left = until_ns - now_ns();
  if (left <= 0) return false;
  const struct timespec timeout = {left / 1000000000, left % 1000000000};
  struct pollfd entry = {fd, POLLIN, 0};
  return ppoll(&entry, 1, &timeout, NULL) > 0;
}

/* --- the two loops --- */

static void closed_loop(int64_t start) {
  const int64_t end = start + (int64_t)(seconds * 1e9);
  int64_t scan = start;
  for (int64_t now = start; now < end; now = now_ns()) {
    if (now >= scan) {
      /* Of a call that was silent for so long all is lost, and it starts over: at first, every call does. */
      const int64_t at = stamp_ns();
      for (long i = 0; i < call_count; i++) {
        struct call *call = &calls[i];
        if (at - call->heard_ns < LOST_AFTER_NS) continue;
        call->heard_ns = at;
        call->under_way = 0;
        while (call->under_way < window) put(call);
      }
      if (out_count > 0) flush();
      scan = now + SCAN_NS;
    }
    if (take_packets() == 0) await_packets(scan < end ? scan : end);
  }
  window = 0; /* what is still under way is not answered any more */
}

static void open_loop(int64_t start) {
  const long planned = (long)(call_count * rate * seconds);
  const double every_ns = 1e9 / ((double)call_count * rate);
  for (int64_t due = start; sent < planned;) {
    const struct timespec until = {due / 1000000000, due % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    const int64_t this_step = due;
    while (due == this_step && sent < planned) {
      record(&lateness, now_ns() - due);
      put(&calls[sent % call_count]);
      if (out_count == DUE_BATCH) flush();
      due = start + (int64_t)(sent * every_ns) / STEP_NS * STEP_NS;
    }
    while (take_packets() == BATCH) {
    }
  }
}

/* What is still under way. Ends when all of it is back, or nothing has come for long. */
static void await_rest(void) {
  while (received < sent && await_packets(now_ns() + LOST_AFTER_NS)) take_packets();
}

/* --- set-up --- */

static void set(int name, int value, const char *what) {
  if (setsockopt(fd, SOL_SOCKET, name, &value, sizeof value) != 0) die(what);
}

static void open_socket(void) {
  fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) die("socket");
  /* Beyond net.core.rmem_max where that is allowed: what this program loses is not the relay's loss. */
  const int bytes = BUFFER;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) set(SO_RCVBUF, BUFFER, "SO_RCVBUF");
  set(SO_SNDBUF, BUFFER, "SO_SNDBUF");
  if (rate > 0) set(SO_TIMESTAMPNS, 1, "SO_TIMESTAMPNS");
  const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(from)};
  if (bind(fd, (const struct sockaddr *)&any, sizeof any) != 0) die("bind");
}

static void usage(void) {
  fprintf(stderr, "load-relay: wrong options; its source says which there are\n");
  exit(2);
}

/* A call for each port of `20000-20099,20200,4000x100`. */
static void add_calls(const char *list) {
  calls = calloc(MAX_CALLS, sizeof *calls);
  for (const char *at = list; *at != 0;) {
    char *end;
    const long first = strtol(at, &end, 10);
    const char kind = *end;
    const long other = kind == '-' || kind == 'x' ? strtol(end + 1, &end, 10) : first;
    const long count = kind == 'x' ? other : other - first + 1;
    if (end == at || (*end != ',' && *end != 0) || first < 1 || count < 1 || call_count + count > MAX_CALLS) usage();
    for (long i = 0; i < count; i++) calls[call_count++].port = kind == 'x' ? first : first + i;
    at = *end == ',' ? end + 1 : end;
  }
}

static void read_options(int argc, char **argv) {
  static const struct option names[] = {{"ports", 1, 0, 'p'}, {"from", 1, 0, 'f'}, {"seconds", 1, 0, 's'}, {"window", 1, 0, 'w'}, {"rate", 1, 0, 'r'}, {0}};
  for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
    if (c == 'p') add_calls(optarg);
    else if (c == 'f') from = atol(optarg);
    else if (c == 's') seconds = atof(optarg);
    else if (c == 'w') window = atol(optarg);
    else if (c == 'r') rate = atol(optarg);
    else exit(2);
  }
  if (optind != argc || call_count == 0 || from < 1 || seconds <= 0 || (window > 0) == (rate > 0) || window > MAX_WINDOW) usage();
}

/* Packets that this program's own receive buffer had no room for. */
static long own_drops(void) {
  uint32_t memory[SK_MEMINFO_VARS] = {0};
  socklen_t length = sizeof memory;
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
  return memory[SK_MEMINFO_DROPS];
}

int main(int argc, char **argv) {
  read_options(argc, argv);
  open_socket();
  prepare_packets();
  prepare_sending();
  prepare_receiving();
  prctl(PR_SET_TIMERSLACK, 1UL); /* ns: deadlines are met as well as the kernel can */

  const int64_t start = now_ns();
  if (rate > 0) open_loop(start);
  else closed_loop(start);
  const double took = (now_ns() - start) / 1e9;
  await_rest();
  printf("{\"sent\":%ld,\"received\":%ld,\"lost\":%ld,\"altered\":%ld,\"duplicates\":%ld,\"strays\":%ld,\"ownDrops\":%ld,\"seconds\":%.6f", sent, received,
         sent - received, altered, duplicates, strays, own_drops(), took);
  print_quantile("p50Ns", &latency, 0.5);
  print_quantile("p99Ns", &latency, 0.99);
  print_quantile("lateP50Ns", &lateness, 0.5);
  print_quantile("lateP99Ns", &lateness, 0.99);
  printf("}\n");
}
