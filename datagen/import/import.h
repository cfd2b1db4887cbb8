/* Folders that others made become a dataset. Knows how each kind of folder is read, and the dataset's writer.
 */
#ifndef DATAGEN_IMPORT_IMPORT_H
#define DATAGEN_IMPORT_IMPORT_H

#include "base/log.h"
#include "base/threads.h"
#include "data/dataset.h"
#include "datagen/import/folders.h"

/* Reads one folder; see ns3.h. */
typedef m4_status dg_import_function(ds_scenario *facts, m4_arena *arena, const char *dir, m4_log *log,
                                     m4_error *err);

typedef struct dg_import {
  const char *source; /* "ns3": what the shards say of where they come from */
  dg_import_function *read;
  const dg_folders *folders;
  const char *output;
  int64_t scenarios_per_shard;
} dg_import;

typedef struct dg_import_report {
  int64_t n_scenarios, n_flows, n_unfinished, n_periods;
} dg_import_report;

/* Writes output/shard-00000.h5, ... with the scenarios in the order of the folders, on any number of threads.
 * The output folder is made; M4_USAGE: it has shards already. After an error finished shards stay. */
m4_status dg_import_run(const dg_import *import, m4_pool *pool, m4_log *log, dg_import_report *report,
                        m4_error *err);

#endif
