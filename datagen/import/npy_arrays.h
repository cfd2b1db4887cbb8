/* The .npy files of one of the reference's training folders, found and checked for their lengths. Knows the
 * .npy reader. Source: training.md 6.1. */
#ifndef DATAGEN_IMPORT_NPY_ARRAYS_H
#define DATAGEN_IMPORT_NPY_ARRAYS_H

#include "data/pickle/npy.h"
#include "sim/scenario.h"

/* Zero-initialise; free with dg_npy_arrays_free. */
typedef struct dg_npy_arrays {
  const char *dir;
  int64_t n_flows;
  ds_npy size_bytes, start_ns; /* [n_flows] */
  ds_npy paths;                /* [n_flows] sequences of "a-b" */
  int64_t n_finished;
  ds_npy id, fct_ns, ideal_fct_ns; /* [n_finished] */
  double params[SIM_N_PARAMS];
  bool has_queues, has_rows;
  ds_npy queues;  /* one dict: flow id -> queue bytes per hop */
  ds_npy periods; /* sequences of flow ids */
  ds_npy rows;    /* as periods: sequences of rows of received bytes, two per flow */
} dg_npy_arrays;

/* Reads fsize, fat, flow_to_path, fid*, fct*, fct_i*, param*; where they are there qlen* and period*_t*,
 * period_remainsize*_t*. All arrays of one folder have one middle part in their names (_topology_flows) and
 * one threshold; others are M4_DATA. */
m4_status dg_npy_arrays_read(dg_npy_arrays *arrays, const char *dir, m4_error *err);
void dg_npy_arrays_free(dg_npy_arrays *arrays);

#endif
