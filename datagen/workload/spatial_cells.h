/* Putting a matrix together cell by cell; for the readers of matrices only. */
#ifndef DATAGEN_WORKLOAD_SPATIAL_CELLS_H
#define DATAGEN_WORKLOAD_SPATIAL_CELLS_H

#include "datagen/workload/spatial.h"

/* Appends a cell; weight 0 is skipped. *capacity starts at 0. M4_DATA at `where`: not in 0..1e15. */
m4_status dg_spatial_add(dg_spatial *spatial, size_t *capacity, int32_t source, int32_t destination,
                         double weight, const char *where, m4_error *err);

/* Reads the reference's JSON into an empty matrix for n_racks racks. */
m4_status dg_spatial_read_json(dg_spatial *spatial, const char *path, const char *text, size_t length,
                               m4_error *err);

#endif
