/* One of the reference's training folders (.npy files) becomes the facts of a scenario. Knows supervision and
 * the .npy reader. Source: training.md 6.1. */
#ifndef DATAGEN_IMPORT_NPY_H
#define DATAGEN_IMPORT_NPY_H

#include "base/log.h"
#include "data/dataset.h"

/* Reads dir: sizes, starts, paths, FCTs, ideal FCTs and parameters; queues and received bytes where they are
 * there. The network is topology.txt beside them, or the cables that paths use at 10 Gbps and 1000 ns. Busy
 * periods and flowSim FCTs are worked out anew. Facts live in `arena`, which is made here; warnings go to log
 * (may be NULL). M4_DATA names file or flow. */
m4_status dg_import_npy(ds_scenario *facts, m4_arena *arena, const char *dir, m4_log *log, m4_error *err);

/* True when dir has the files that name such a folder. */
bool dg_is_npy_folder(const char *dir);

#endif
