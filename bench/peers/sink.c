/*
 * An echo that looks on: sends every datagram back, and judges by the kernel's stamps of the arrivals how evenly the RTP streams
 * (told apart by SSRC) were sent. It is told the interval of the packets but not when they were due: of each stream, the packet
 * that came earliest on the grid of the interval is taken as punctual, and the others' lateness counts against it.
 *
 *   sink INTERVAL_US [silent]   on a port of 127.0.0.1 that it prints; with SIGTERM it prints one JSON object and ends:
 *                               received; lateness p50, p99 and max; |interarrival - interval| p50 and p99; all ns; drift in ppm.
 *                               Silent, it sends nothing back.
 */
#include "stamps.h"
#include "errors.h"
#include "rtp.h"
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

enum { BATCH = 64, SLOT = 2048, BUFFER = 8 * 1024 * 1024, MOST = 1 << 21, STREAMS = 1 << 13 };

struct arrival {
  int64_t at_ns;
  int stream;
  int index; /* from the first that arrived, sequence numbers unwrapped */
};

struct stream {
  bool used;
  uint32_t ssrc;
  int last_sequence, last_index;
  int64_t first_ns, last_ns, earliest_ns;
};

static char packets[BATCH][SLOT];
static struct sockaddr_in sources[BATCH];
static union stamp_control controls[BATCH];
static struct iovec in_parts[BATCH], out_parts[BATCH];
static struct mmsghdr in[BATCH], out[BATCH];
static struct arrival arrivals[MOST];
static struct stream streams[STREAMS]; /* an open-addressed table */
static int64_t lateness[MOST], gaps[MOST];
static int arrived, spacings;
static volatile sig_atomic_t stopped;

static void stop(int signal) {
  (void)signal;
  stopped = 1;
}

static int stream_of(uint32_t ssrc) {
  for (uint32_t i = 0; i < STREAMS; i++) {
    const int place = (ssrc * 2654435761u + i) % STREAMS;
    if (streams[place].used && streams[place].ssrc != ssrc) continue;
    return place;
  }
  fprintf(stderr, "sink: more than %d streams\n", STREAMS);
  exit(1);
}

static void look_at(const struct mmsghdr *message, const unsigned char *bytes, int64_t interval_ns) {
  if (message->msg_len < RTP_HEADER_BYTES) return;
  if (arrived == MOST) fprintf(stderr, "sink: more than %d packets\n", MOST), exit(1);
  const int64_t at_ns = stamp_of((struct msghdr *)&message->msg_hdr);
  if (at_ns == 0) fprintf(stderr, "sink: the kernel did not stamp an arrival\n"), exit(1);
  const int place = stream_of(rtp_ssrc(bytes)), sequence = rtp_sequence(bytes);
  struct stream *stream = &streams[place];
  if (!stream->used) {
    *stream = (struct stream){.used = true, .ssrc = rtp_ssrc(bytes), .last_sequence = sequence, .first_ns = at_ns, .earliest_ns = 0};
  } else {
    const int step = (int16_t)(sequence - stream->last_sequence);
    stream->last_index += step;
    gaps[spacings++] = llabs(at_ns - stream->last_ns - step * interval_ns);
  }
  stream->last_sequence = sequence;
  stream->last_ns = at_ns;
  const int64_t off_ns = at_ns - stream->first_ns - stream->last_index * interval_ns;
  if (off_ns < stream->earliest_ns) stream->earliest_ns = off_ns;
  arrivals[arrived++] = (struct arrival){.at_ns = at_ns, .stream = place, .index = stream->last_index};
}

int main(int argc, char **argv) {
  const bool silent = argc == 3 && strcmp(argv[2], "silent") == 0;
  if (argc != 2 && !silent) return fprintf(stderr, "usage: sink INTERVAL_US [silent]\n"), 2;
  const int64_t interval_ns = atoll(argv[1]) * 1000;
  switch_stamps_on();
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int size = BUFFER;
  struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t local_bytes = sizeof local;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(fd, (const struct sockaddr *)&local, sizeof local) != 0) die("bind");
  const int flags = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags) != 0) die("SO_TIMESTAMPING");
  /* A signal that comes just before we block is seen after this time. */
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_usec = 100000}, sizeof(struct timeval));
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
  getsockname(fd, (struct sockaddr *)&local, &local_bytes);
  printf("sink listening on %d\n", ntohs(local.sin_port));
  fflush(stdout);

  for (int i = 0; i < BATCH; i++) {
    in_parts[i] = (struct iovec){packets[i], SLOT};
    out_parts[i].iov_base = packets[i];
    in[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_iov = &in_parts[i], .msg_iovlen = 1, .msg_control = controls[i].bytes};
    out[i].msg_hdr = (struct msghdr){.msg_name = &sources[i], .msg_namelen = sizeof sources[i], .msg_iov = &out_parts[i], .msg_iovlen = 1};
  }
  while (!stopped) {
    for (int i = 0; i < BATCH; i++) {
      in[i].msg_hdr.msg_namelen = sizeof sources[i];
      in[i].msg_hdr.msg_controllen = sizeof controls[i];
    }
    const int got = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);
    if (got < 0 && errno != EINTR && errno != EAGAIN) die("recvmmsg");
    for (int i = 0; i < got; i++) out_parts[i].iov_len = in[i].msg_len;
    for (int sent = 0; !silent && sent < got;) {
      const int n = sendmmsg(fd, out + sent, got - sent, 0);
      sent += n > 0 ? n : 1; /* what the kernel refuses is dropped, as UDP may */
    }
    for (int i = 0; i < got; i++) look_at(&in[i], (const unsigned char *)packets[i], interval_ns);
  }

  int indices = 0;
  for (int i = 0; i < arrived; i++) {
    const struct stream *stream = &streams[arrivals[i].stream];
    lateness[i] = arrivals[i].at_ns - stream->first_ns - arrivals[i].index * interval_ns - stream->earliest_ns;
    if (arrivals[i].index >= indices) indices = arrivals[i].index + 1;
  }
  const double ppm = drift_ppm(lateness, arrived, indices * interval_ns / 1e9);
  qsort(lateness, arrived, sizeof *lateness, by_size);
  qsort(gaps, spacings, sizeof *gaps, by_size);
  printf("{\"received\":%d,\"late_p50_ns\":%lld,\"late_p99_ns\":%lld,\"late_max_ns\":%lld,", arrived, (long long)quantile_of(lateness, arrived, 0.5),
         (long long)quantile_of(lateness, arrived, 0.99), (long long)quantile_of(lateness, arrived, 1));
  printf("\"gap_p50_ns\":%lld,\"gap_p99_ns\":%lld,\"drift_ppm\":%.3f}\n", (long long)quantile_of(gaps, spacings, 0.5),
         (long long)quantile_of(gaps, spacings, 0.99), ppm);
  return 0;
}
