/* Samples read and prepared ahead of use by background threads, delivered in a given order. Knows dataset,
 * m4_inputs. Results never depend on the number of threads. */
#ifndef DATA_PREFETCH_H
#define DATA_PREFETCH_H

#include "data/dataset.h"

typedef struct ds_prefetch ds_prefetch;

/* A prepared sample with its memory; valid until ds_prefetch_return. */
typedef struct ds_item {
  int64_t position; /* 0.. in the order */
  int64_t period;   /* dataset period */
  m4_sample *sample;
  m4_period facts;
  const double *flowsim_fct_ns; /* [n_flows] */
} ds_item;

/* periods[0..count-1] in delivery order (copied). n_threads >= 1 readers, at most `ahead` items prepared and
 * not yet returned. */
m4_status ds_prefetch_create(ds_prefetch **prefetch, ds_dataset *dataset, const int64_t *periods,
                             int64_t count, m4_size_feature kind, int n_threads, int ahead, m4_error *err);
void ds_prefetch_free(ds_prefetch *prefetch); /* stops early too */
/* Next item in order; *item = NULL after the last. Call from one thread. */
m4_status ds_prefetch_next(ds_prefetch *prefetch, ds_item **item, m4_error *err);
void ds_prefetch_return(ds_prefetch *prefetch, ds_item *item); /* from any thread */

#endif
