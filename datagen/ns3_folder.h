/* A generated scenario as an ns-3 style folder, with the simulated FCTs as truth. Knows scenario and dataset.
 * Source: workloads.md 7.2. */
#ifndef DATAGEN_NS3_FOLDER_H
#define DATAGEN_NS3_FOLDER_H

#include "data/dataset.h"
#include "sim/scenario.h"

/* The trace beside these files; dg_supervise writes it. */
#define DG_TRACE_NAME "mix.tr"

/* Writes dir/{topology,flows,config,params,fct,paths}.txt, each atomically; dir is made with its parents. */
m4_status dg_write_ns3_folder(const char *dir, const sim_scenario *scenario, const ds_scenario *facts,
                              m4_error *err);

#endif
