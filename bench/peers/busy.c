/*
 * Keeps the core that it runs on busy, for SECONDS at most.
 *
 *   busy SECONDS        prints one line when it is at it; ends with SIGTERM
 */
#include "stamps.h"

int main(int argc, char **argv) {
  if (argc != 2) return fprintf(stderr, "usage: busy SECONDS\n"), 2;
  const int64_t end_ns = now_ns(CLOCK_MONOTONIC) + atoll(argv[1]) * 1000000000;
  printf("busy\n");
  fflush(stdout);
  while (now_ns(CLOCK_MONOTONIC) < end_ns) {
    for (volatile int i = 0; i < 100000; i++) {
    }
  }
  return 0;
}
