/* Gaps between flow starts. Source: workloads.md 5.5. */
#include "datagen/workload/flows.h"

#include <math.h>

double dg_gap_draw(double mean_ns, double sigma, m4_rng *rng) {
  double mu = log(mean_ns) - 0.5 * sigma * sigma;
  return round(exp(mu + sigma * m4_rng_normal(rng)));
}
