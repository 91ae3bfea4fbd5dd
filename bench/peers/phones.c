/*
 * The ears and mouths of many phones: calls that somebody else signals send their audio from here, 50 packets/s each, every
 * packet at an absolute deadline, their phases spread evenly over the 20 ms. One port serves them all, as SIPp's does.
 *
 *   phones CALLS FILE      sends from the port of 127.0.0.1 that its first line names ("phones on PORT") until SIGTERM
 *
 * FILE grows by a line for each call that is answered: the port of 127.0.0.1 that its audio goes to. Prints one JSON object at the
 * end: packets sent, refused by the kernel and received, how late the send calls began (ns; the late ones by more than 3 ms), and
 * whether the sender had real-time priority, without which it is as late as the other programs of the machine make it. Real
 * phones share no processor with the exchange.
 */
#define _GNU_SOURCE
#include "errors.h"
#include "rtp.h"
#include "stamps.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BATCH = 64, MOST_CALLS = 1000, MOST_SECONDS = 600, PACKETS_PER_SECOND = 50 };
static const int64_t INTERVAL_NS = 20000000;
static const int64_t LATE_NS = 3000000;
/* How often the file is looked at. */
static const int64_t LOOK_NS = 20000000;
/* A real-time thread that runs away must not take the machine with it: the least of the priorities is enough. */
static const int PRIORITY = 1;

static atomic_bool over;
static int calls, fd;
static struct sockaddr_in targets[MOST_CALLS];
/* How many of the targets are known. */
static atomic_int known;

/* What comes back is heard by nobody: counted. */
static void *listen_to(void *count) {
  static unsigned char packets[BATCH][2048];
  struct iovec parts[BATCH];
  struct mmsghdr messages[BATCH] = {0};
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){packets[i], sizeof packets[i]};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  /* The time-out of the socket ends the wait (see main): what is on its way when the last packet is sent is heard too. */
  for (;;) {
    const int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    if (got > 0) *(int64_t *)count += got;
    else if (over) return NULL;
  }
}

/* Reads the ports that the file has by now. */
static void *look(void *path) {
  const int file = open(path, O_RDONLY);
  if (file < 0) die(path);
  char digit;
  int port = 0;
  while (!over) {
    while (read(file, &digit, 1) == 1) {
      if (digit >= '0' && digit <= '9') {
        port = port * 10 + digit - '0';
      } else if (digit == '\n' && port > 0 && known < calls) {
        targets[known] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        known++;
        port = 0;
      }
    }
    const struct timespec pause = timespec_of(LOOK_NS);
    nanosleep(&pause, NULL);
  }
  close(file);
  return NULL;
}

static void end(int signal) {
  (void)signal;
  over = true;
}

int main(int argc, char **argv) {
  if (argc != 3) return fprintf(stderr, "usage: phones CALLS FILE\n"), 2;
  calls = atoi(argv[1]);
  if (calls < 1 || calls > MOST_CALLS) return fprintf(stderr, "phones: 1 to %d calls\n", MOST_CALLS), 2;
  const int64_t most = (int64_t)calls * PACKETS_PER_SECOND * MOST_SECONDS;
  /* Untouched pages cost nothing; the fault at the first write of a page is after the send. */
  int64_t *errors = malloc(most * sizeof *errors);
  if (errors == NULL) die("malloc");

  fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof own) != 0) die("bind");
  socklen_t length = sizeof own;
  if (getsockname(fd, (struct sockaddr *)&own, &length) != 0) die("getsockname");
  const struct timeval wait = {.tv_usec = 100000};
  const int buffer = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);

  signal(SIGTERM, end);
  signal(SIGINT, end);
  int64_t received = 0;
  pthread_t listener, looker;
  if (pthread_create(&listener, NULL, listen_to, &received) != 0 || pthread_create(&looker, NULL, look, argv[2]) != 0)
    die("pthread_create");
  /* After them: only the thread that sends. */
  const struct sched_param priority = {.sched_priority = PRIORITY};
  const bool realtime = pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) == 0;
  prctl(PR_SET_TIMERSLACK, 1);
  printf("phones on %d\n", ntohs(own.sin_port));
  fflush(stdout);

  static uint32_t indices[MOST_CALLS];
  unsigned char packet[RTP_BYTES];
  int64_t sent = 0, refused = 0, late = 0;
  const int64_t start_ns = now_ns(CLOCK_MONOTONIC);
  for (int64_t slot = 0; !over && sent < most; slot++) {
    const int call = slot % calls;
    /* Nothing to send in this slot; the last of the 20 ms is waited for all the same. */
    if (call >= known && call != calls - 1) continue;
    const int64_t due_ns = start_ns + slot / calls * INTERVAL_NS + call * INTERVAL_NS / calls;
    int64_t at_ns = now_ns(CLOCK_MONOTONIC);
    if (at_ns < due_ns) {
      const struct timespec due = timespec_of(due_ns);
      while (!over && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) continue;
      at_ns = now_ns(CLOCK_MONOTONIC);
    }
    if (call >= known) continue;
    rtp_write(packet, call + 1, indices[call]++);
    if (sendto(fd, packet, RTP_BYTES, 0, (struct sockaddr *)&targets[call], sizeof targets[call]) < 0) refused++;
    errors[sent++] = at_ns - due_ns;
    if (at_ns - due_ns > LATE_NS) late++;
  }
  over = true;
  pthread_join(listener, NULL);
  pthread_join(looker, NULL);
  qsort(errors, sent, sizeof *errors, by_size);
  printf("{\"realtime\":%s,\"sent\":%lld,\"refused\":%lld,\"received\":%lld,\"late\":%lld,\"p50Ns\":%lld,\"p99Ns\":%lld,\"maxNs\":%lld}\n",
         realtime ? "true" : "false", (long long)sent, (long long)refused, (long long)received, (long long)late,
         (long long)quantile_of(errors, sent, 0.5), (long long)quantile_of(errors, sent, 0.99), (long long)quantile_of(errors, sent, 1));
  return 0;
}
