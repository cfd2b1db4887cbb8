/* A generated scenario as an ns-3 style folder, with the simulated FCTs as truth. Knows scenario and dataset.
 */
#ifndef DATAGEN_NS3_FOLDER_H
#define DATAGEN_NS3_FOLDER_H

#include "data/dataset.h"
#include "sim/scenario.h"

/* Writes dir/{topology,flows,config,params,fct}.txt, each atomically; dir is made with its parents. */
m4_status dg_write_ns3_folder(const char *dir, const sim_scenario *scenario, const ds_scenario *facts,
                              m4_error *err);

#endif
