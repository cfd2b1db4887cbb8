/* Who talks to whom: rack-to-rack weights, put onto a cluster, hosts drawn from them. Knows base and sim's
 * text reader. Source: workloads.md 3. */
#ifndef DATAGEN_WORKLOAD_SPATIAL_H
#define DATAGEN_WORKLOAD_SPATIAL_H

#include "base/philox.h"
#include "base/status.h"

#include <stddef.h>

/* The non-zero cells of a matrix. Table rack = pod * racks_per_pod + rack within the pod. */
typedef struct dg_spatial {
  int32_t n_racks;
  int32_t n_pods; /* 0: the file does not say */
  size_t n_cells;
  int32_t *source, *destination; /* [n_cells] table racks */
  double *cumulative;            /* [n_cells] running sum of the weights */
} dg_spatial;

/* Reads a file, plain or gzip. CSV, '#' comments allowed: n_racks rows of n_racks weights, or sparse rows
 * "source,destination,probability"; or the reference's JSON (workloads.md 2). Weights are finite and >= 0,
 * not all zero. M4_DATA with file:line or file and key. */
m4_status dg_spatial_read(dg_spatial **spatial, const char *path, int32_t n_racks, m4_error *err);
void dg_spatial_free(dg_spatial *spatial); /* NULL accepted */

/* A matrix put onto a cluster: pod p of the table is pod p of the cluster, its racks shuffled onto that pod's
 * ToRs. An enlarged matrix is laid over `copies` times as many pods: a cell's weight is shared evenly by all
 * pairs of a copy of its source with a copy of its destination. */
typedef struct dg_placement {
  const dg_spatial *spatial;
  int32_t hosts_per_rack, copies;
  int32_t *rack; /* [copies * n_racks] cluster rack of copy * n_racks + table rack */
} dg_placement;

/* M4_DATA: the matrix has traffic within a rack that has a single host. M4_USAGE: pods * racks_per_pod is not
 * copies times its number of racks, or its pods are others. */
m4_status dg_placement_create(dg_placement *placement, const dg_spatial *spatial, int32_t copies,
                              int32_t pods, int32_t racks_per_pod, int32_t hosts_per_rack, m4_rng *rng,
                              m4_error *err);
void dg_placement_free(dg_placement *placement);

/* A cell by weight, then a uniform host in each of its racks; equal hosts are drawn again, the cell is kept.
 */
void dg_pair_draw(const dg_placement *placement, m4_rng *rng, int32_t *source_host,
                  int32_t *destination_host);

#endif
