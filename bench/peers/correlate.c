/* Cross-correlation of a window of 2048 samples with a reference, as anybody would write it: sum by sum, without FFT.
 * `correlate LAGS WINDOWS` prints the CPU seconds that WINDOWS windows took, at LAGS lags each. */
#pragma GCC optimize("O3,fast-math")
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WINDOW = 2048 };

static float noise(void) { return (float)(rand() % 8801 - 4400); }

int main(int argc, char **argv) {
  int lags = argc > 1 ? atoi(argv[1]) : 0;
  int windows = argc > 2 ? atoi(argv[2]) : 0;
  if (lags < 1 || windows < 1) {
    fprintf(stderr, "correlate LAGS WINDOWS\n");
    return 2;
  }
  float *reference = malloc((size_t)(lags + WINDOW) * sizeof *reference);
  static float window[WINDOW];
  if (reference == NULL) return 1;
  for (int i = 0; i < lags + WINDOW; i++) reference[i] = noise();
  int found = 0;
  clock_t start = clock();
  for (int w = 0; w < windows; w++) {
    int truth = rand() % lags;
    for (int i = 0; i < WINDOW; i++) window[i] = reference[truth + i];
    int best = 0;
    float highest = 0;
    for (int lag = 0; lag < lags; lag++) {
      float sum = 0;
      for (int i = 0; i < WINDOW; i++) sum += window[i] * reference[lag + i];
      if (fabsf(sum) > highest) {
        highest = fabsf(sum);
        best = lag;
      }
    }
    found += best == truth;
  }
  printf("%.6f\n", (double)(clock() - start) / CLOCKS_PER_SEC);
  return found == windows ? 0 : 1;
}
