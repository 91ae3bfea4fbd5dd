/* How far packets were from their deadlines: the same arithmetic for who sends them and for who looks on. */
#ifndef ERRORS_H
#define ERRORS_H
#include <stdint.h>
#include <stdlib.h>

static inline int by_size(const void *a, const void *b) {
  const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* The quantile of sorted values; 0 of none. */
static inline int64_t quantile_of(const int64_t *sorted, int count, double quantile) {
  return count == 0 ? 0 : sorted[(int)((count - 1) * quantile)];
}

static inline int64_t least_of(const int64_t *values, int count) {
  int64_t least = values[0];
  for (int i = 1; i < count; i++) {
    if (values[i] < least) least = values[i];
  }
  return least;
}

/*
 * Parts per million by which a sender is slow against its schedule: how much later than in the first fifth of the run the most
 * punctual packet of the last fifth was, over the time between the two. The most punctual, so that packets which a busy moment
 * made late do not look like drift. `errors` in the order of the packets, ns.
 */
static inline double drift_ppm(const int64_t *errors, int count, double seconds) {
  const int fifth = count / 5;
  if (fifth == 0) return 0;
  return (least_of(errors + count - fifth, fifth) - least_of(errors, fifth)) / (seconds * 0.8 * 1000);
}

#endif
