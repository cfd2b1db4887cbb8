/* What the file names of a mix mean: files that are there; otherwise published names, for which there are
 * shapes (clusters), stand-ins (matrices, measured sizes) or our own tables (synthetic sizes). Reads no
 * table. Source: workloads.md 1.1, 2, 3, 4.4. */
#ifndef DATAGEN_CATALOGUE_H
#define DATAGEN_CATALOGUE_H

#include "sim/topology.h"

#include <stddef.h>

enum { DG_NAME_BYTES = 4096 };

/* Where to look. */
typedef struct dg_catalogue {
  const char *mix_folder; /* names are relative to it, or to the current folder; "": only that */
  const char *workloads;  /* folder with spatial-standin/ and cdf-standin/ */
} dg_catalogue;

typedef struct dg_found {
  char path[DG_NAME_BYTES]; /* the file; for synthetic sizes "synthetic:228" */
  bool stand_in;            /* of our own making, not the file named */
  int32_t copies; /* matrices: how often it is laid over the cluster (workloads.md 6.2, enlarged B) */
} dg_found;

/* "spatials/cluster_b_2_4.json" or any CSV. M4_IO: neither a file nor a known name. */
m4_status dg_find_matrix(dg_found *found, const dg_catalogue *catalogue, const char *name, m4_error *err);
/* "facebook/hadoop-all.txt", "synthetic/sync-all-228.txt", "synthetic:228", "atoms:FILE" or a file. */
m4_status dg_find_sizes(dg_found *found, const dg_catalogue *catalogue, const char *name, m4_error *err);

/* The Clos fabric with this name: a cluster file of the reference (rates and delay are the file's), otherwise
 * a published name (the folder and .json do not matter) or "clos_PxFxRxHxS": counts only, rates and delay are
 * left 0. M4_USAGE: unknown; M4_DATA: a file that is no Clos fabric. *path gets the file's name, "" when
 * there is none. */
m4_status dg_find_cluster(sim_clos *shape, char path[DG_NAME_BYTES], const dg_catalogue *catalogue,
                          const char *name, m4_error *err);

#endif
