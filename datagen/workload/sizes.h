/* Flow sizes: distribution tables, read from files or made from the synthetic families. Knows base and sim's
 * text reader. Source: workloads.md 2, 4. */
#ifndef DATAGEN_WORKLOAD_SIZES_H
#define DATAGEN_WORKLOAD_SIZES_H

#include "base/philox.h"
#include "base/status.h"

#include <stddef.h>

typedef enum dg_size_form {
  DG_SIZE_LINEAR, /* linear interpolation in size between rows; below the first row: its size */
  DG_SIZE_ATOMS   /* each row is an atom: the first row whose cumulative probability is >= y */
} dg_size_form;

typedef struct dg_sizes {
  dg_size_form form;
  size_t n_rows;
  double *bytes;       /* [n_rows] increasing */
  double *probability; /* [n_rows] cumulative, increasing, the last is 1 */
  double mean_bytes;   /* of the same segments that are drawn from; this mean defines the load */
} dg_sizes;

/* Reads "size_bytes cumulative" rows, '#' comments allowed; plain or gzip. The second column is a probability
 * (the last is exactly 1) or a percentage (exactly 100). M4_DATA with file:line unless both columns increase
 * strictly. */
m4_status dg_sizes_read(dg_sizes **sizes, const char *path, dg_size_form form, m4_error *err);
void dg_sizes_free(dg_sizes *sizes); /* NULL accepted */

/* One size in whole bytes, rounded as dg_size_round does. One draw from rng. */
int64_t dg_size_draw(const dg_sizes *sizes, m4_rng *rng);
/* Nearest integer; below 1 becomes 10; multiples of 1000 are lowered by 1 (workloads.md 4.2). */
int64_t dg_size_round(double bytes);

/* ---- synthetic families of the training set (workloads.md 4.4) ---- */
typedef enum dg_family { DG_EXPONENTIAL, DG_GAUSSIAN, DG_LOGNORMAL, DG_PARETO, DG_N_FAMILIES } dg_family;

enum { DG_SYNTHETIC_TABLES = 2000, DG_SYNTHETIC_ROWS = 101 };

/* The scale m in bytes of a family at theta. */
double dg_family_scale(dg_family family, double theta);
/* The percentile table of 100,000 draws of one family. */
m4_status dg_sizes_of_family(dg_sizes **sizes, dg_family family, double theta, m4_rng *rng, m4_error *err);
/* Table number `index` of the series with this seed: family index mod 4, theta uniform in [5000, 50000];
 * f(seed, index) only. */
m4_status dg_sizes_synthetic(dg_sizes **sizes, uint64_t seed, uint32_t index, m4_error *err);

/* For makers of tables: takes ownership of both arrays (malloc), also on failure; fills in the mean. */
m4_status dg_sizes_create(dg_sizes **sizes, dg_size_form form, double *bytes, double *probability,
                          size_t n_rows, m4_error *err);

#endif
