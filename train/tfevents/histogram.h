/* A histogram with TensorBoard's buckets: limits grow by 10 % from 1e-12 to 1e20, mirrored for negative
 * values. Plain values: clear, add, merge. Knows nothing. */
#ifndef TRAIN_TFEVENTS_HISTOGRAM_H
#define TRAIN_TFEVENTS_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TFE_SIDE_BUCKETS = 774, TFE_N_BUCKETS = 2 * TFE_SIDE_BUCKETS + 1 };

/* bucket[i] counts values below tfe_bucket_limit(i) and not below the limit before. Values that are not
 * finite are left out. */
typedef struct tfe_histogram {
  double min, max, count, sum, sum_squares;
  double bucket[TFE_N_BUCKETS];
} tfe_histogram;

void tfe_histogram_clear(tfe_histogram *histogram);
void tfe_histogram_add(tfe_histogram *histogram, double value);
void tfe_histogram_merge(tfe_histogram *histogram, const tfe_histogram *other);
/* Upper end of bucket i; the last one is the largest double. */
double tfe_bucket_limit(int i);

#endif
