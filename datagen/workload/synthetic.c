/* The four synthetic size families: sampling rules, and percentile tables made from them. Source:
 * workloads.md 4.4. */
#include "datagen/workload/sizes.h"

#include <math.h>
#include <stdlib.h>

enum { N_DRAWS = 100000 };
static const double MIN_BYTES = 50, BASE_BYTES = 1000, THETA_MIN = 5000, THETA_MAX = 50000;
static const uint32_t FIRST_STEP =
    0x80000000u; /* table streams lie above the scenarios' (step = scenario index) */

double dg_family_scale(dg_family family, double theta) {
  static const double exponent[DG_N_FAMILIES] = {3.0, 3.0, 2.8, 3.2};
  return BASE_BYTES * pow(theta / THETA_MIN, exponent[family]);
}

/* Shape with which a fifth of the generalised Pareto draws exceed m: 5 = (1 + psi c)^(1/psi), c = (m - 50) /
 * (m/2). */
static double pareto_shape(double m) {
  double c = (m - MIN_BYTES) / (m / 2), low = 1e-6, high = 1;
  for (int step = 0; step < 60; ++step) {
    double psi = 0.5 * (low + high);
    if (log1p(psi * c) > psi * log(5.0))
      low = psi;
    else
      high = psi;
  }
  return low;
}

static double exponential(double m, m4_rng *rng) {
  return -(m - MIN_BYTES) * log1p(-m4_rng_uniform(rng));
}

static double gaussian(double m, m4_rng *rng) {
  double size;
  do size = m - MIN_BYTES + m * m4_rng_normal(rng);
  while (size < 0);
  return size;
}

static double lognormal(double m, m4_rng *rng) {
  return exp(log(m - MIN_BYTES) - 2 + 2 * m4_rng_normal(rng));
}

static double pareto(double m, double psi, m4_rng *rng) {
  return m / 2 * (pow(1 - m4_rng_uniform(rng), -psi) - 1) / psi;
}

static void draw_sizes(double *sizes, dg_family family, double m, m4_rng *rng) {
  double psi = family == DG_PARETO ? pareto_shape(m) : 0;
  for (int i = 0; i < N_DRAWS; ++i) {
    double size = family == DG_EXPONENTIAL ? exponential(m, rng)
                  : family == DG_GAUSSIAN  ? gaussian(m, rng)
                  : family == DG_LOGNORMAL ? lognormal(m, rng)
                                           : pareto(m, psi, rng);
    sizes[i] = trunc(MIN_BYTES + size);
  }
}

static int compare_sizes(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The 0, 1, ..., 100th percentiles, linear between order statistics; ties are raised by 1. */
static void take_percentiles(double *bytes, double *probability, const double *sorted) {
  for (int p = 0; p < DG_SYNTHETIC_ROWS; ++p) {
    double position = p / 100.0 * (N_DRAWS - 1);
    int below = (int)position, above = below + 1 < N_DRAWS ? below + 1 : below;
    bytes[p] = sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    if (p > 0 && bytes[p] <= bytes[p - 1]) bytes[p] = bytes[p - 1] + 1;
    probability[p] = p / 100.0;
  }
}

m4_status dg_sizes_of_family(dg_sizes **sizes, dg_family family, double theta, m4_rng *rng, m4_error *err) {
  *sizes = NULL;
  double *draws = malloc(N_DRAWS * sizeof *draws);
  double *bytes = malloc(DG_SYNTHETIC_ROWS * sizeof *bytes);
  double *probability = malloc(DG_SYNTHETIC_ROWS * sizeof *probability);
  if (!draws || !bytes || !probability) {
    free(draws);
    free(bytes);
    free(probability);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for a synthetic size table");
  }
  draw_sizes(draws, family, dg_family_scale(family, theta), rng);
  qsort(draws, N_DRAWS, sizeof *draws, compare_sizes);
  take_percentiles(bytes, probability, draws);
  free(draws);
  return dg_sizes_create(sizes, DG_SIZE_LINEAR, bytes, probability, DG_SYNTHETIC_ROWS, err);
}

m4_status dg_sizes_synthetic(dg_sizes **sizes, uint64_t seed, uint32_t index, m4_error *err) {
  m4_rng rng = m4_rng_make(seed, M4_RNG_WORKLOAD, FIRST_STEP + index);
  double theta = THETA_MIN + (THETA_MAX - THETA_MIN) * m4_rng_uniform(&rng);
  return dg_sizes_of_family(sizes, (dg_family)(index % DG_N_FAMILIES), theta, &rng, err);
}
