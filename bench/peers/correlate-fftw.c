/* The same by FFTW 3, overlap-save: blocks of 4096 samples whose spectra are made anew when the window moves into them, as ours are.
 * `correlate-fftw BLOCKS WINDOWS` prints the CPU seconds that WINDOWS windows took, in BLOCKS blocks (2048 lags) each. */
#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 2048, POINTS = 2 * WINDOW, BINS = WINDOW + 1 };

static double noise(void) { return rand() % 8801 - 4400; }

int main(int argc, char **argv) {
  int blocks = argc > 1 ? atoi(argv[1]) : 0;
  int windows = argc > 2 ? atoi(argv[2]) : 0;
  if (blocks < 1 || windows < 1) {
    fprintf(stderr, "correlate-fftw BLOCKS WINDOWS\n");
    return 2;
  }
  double *reference = malloc((size_t)(blocks + 1) * WINDOW * sizeof *reference);
  fftw_complex *spectra = fftw_alloc_complex((size_t)blocks * BINS);
  double *time_domain = fftw_alloc_real(POINTS);
  fftw_complex *window = fftw_alloc_complex(BINS);
  fftw_complex *product = fftw_alloc_complex(BINS);
  if (reference == NULL || spectra == NULL || time_domain == NULL || window == NULL || product == NULL) return 1;
  fftw_plan forward = fftw_plan_dft_r2c_1d(POINTS, time_domain, window, FFTW_MEASURE);
  fftw_plan inverse = fftw_plan_dft_c2r_1d(POINTS, product, time_domain, FFTW_MEASURE);
  for (int i = 0; i < (blocks + 1) * WINDOW; i++) reference[i] = noise();
  for (int b = 0; b < blocks; b++) {
    memcpy(time_domain, reference + b * WINDOW, POINTS * sizeof *time_domain);
    fftw_execute_dft_r2c(forward, time_domain, spectra + (size_t)b * BINS);
  }
  int found = 0;
  clock_t start = clock();
  for (int w = 0; w < windows; w++) {
    int truth = rand() % (blocks * WINDOW);
    /* The block that is new with this window. */
    int fresh = w % blocks;
    memcpy(time_domain, reference + fresh * WINDOW, POINTS * sizeof *time_domain);
    fftw_execute_dft_r2c(forward, time_domain, spectra + (size_t)fresh * BINS);
    memset(time_domain, 0, POINTS * sizeof *time_domain);
    memcpy(time_domain, reference + truth, WINDOW * sizeof *time_domain);
    fftw_execute_dft_r2c(forward, time_domain, window);
    int best = 0;
    double highest = 0;
    for (int b = 0; b < blocks; b++) {
      for (int k = 0; k < BINS; k++) product[k] = conj(window[k]) * spectra[(size_t)b * BINS + k];
      fftw_execute_dft_c2r(inverse, product, time_domain);
      for (int lag = 0; lag < WINDOW; lag++) {
        if (fabs(time_domain[lag]) > highest) {
          highest = fabs(time_domain[lag]);
          best = b * WINDOW + lag;
        }
      }
    }
    found += best == truth;
  }
  printf("%.6f\n", (double)(clock() - start) / CLOCKS_PER_SEC);
  return found == windows ? 0 : 1;
}
