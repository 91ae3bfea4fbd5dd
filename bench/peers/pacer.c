/*
 * The yardstick of pacing: RTP streams of 50 packets/s, one connected socket each, their phases spread evenly, every packet sent
 * at an absolute deadline that clock_nanosleep waits for, with the timer slack off. Records how late each send call began.
 *
 *   pacer PORT STREAMS SECONDS        to 127.0.0.1; prints one JSON object: counts, ns, and ppm
 */
#include "stamps.h"
#include "errors.h"
#include "rtp.h"
#include <arpa/inet.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static const int64_t INTERVAL_NS = 20000000;
/* Between the start and the first packet. */
static const int64_t LEAD_NS = 20000000;

int main(int argc, char **argv) {
  if (argc != 4) return fprintf(stderr, "usage: pacer PORT STREAMS SECONDS\n"), 2;
  const int streams = atoi(argv[2]);
  const int64_t seconds = atoll(argv[3]);
  if (streams < 1 || seconds < 1) return fprintf(stderr, "pacer: nothing to send\n"), 2;
  const int packets = streams * (seconds * 1000000000 / INTERVAL_NS);
  int64_t *errors = calloc(packets, sizeof *errors);
  int *sockets = calloc(streams, sizeof *sockets);
  if (errors == NULL || sockets == NULL) die("calloc");
  memset(errors, 1, packets * sizeof *errors); /* no page fault at the first write */

  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const struct sockaddr_in target = {
      .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < streams; i++) {
    sockets[i] = socket(AF_INET, SOCK_DGRAM, 0);
    if (sockets[i] < 0) die("socket");
    if (connect(sockets[i], (const struct sockaddr *)&target, sizeof target) != 0) die("connect");
  }
  prctl(PR_SET_TIMERSLACK, 1);

  unsigned char packet[RTP_BYTES];
  int failed = 0;
  const int64_t start_ns = now_ns(CLOCK_MONOTONIC) + LEAD_NS;
  for (int n = 0; n < packets; n++) {
    const int stream = n % streams, index = n / streams;
    const int64_t due_ns = start_ns + index * INTERVAL_NS + stream * INTERVAL_NS / streams;
    rtp_write(packet, stream, index);
    int64_t at_ns = now_ns(CLOCK_MONOTONIC);
    if (at_ns < due_ns) {
      const struct timespec due = timespec_of(due_ns);
      while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0) continue;
      at_ns = now_ns(CLOCK_MONOTONIC);
    }
    errors[n] = at_ns - due_ns;
    if (send(sockets[stream], packet, RTP_BYTES, 0) < 0) failed++;
  }
  const double ppm = drift_ppm(errors, packets, seconds);
  qsort(errors, packets, sizeof *errors, by_size);
  printf("{\"sent\":%d,\"failed\":%d,\"p50_ns\":%lld,\"p99_ns\":%lld,\"max_ns\":%lld,\"drift_ppm\":%.3f}\n", packets, failed,
         (long long)quantile_of(errors, packets, 0.5), (long long)quantile_of(errors, packets, 0.99), (long long)errors[packets - 1], ppm);
  return 0;
}
