/* An ns-3 folder becomes the facts of a scenario, the same that simulating it would give. Knows supervision
 * and packet traces. Source: workloads.md 7.2, training.md 5. */
#ifndef DATAGEN_IMPORT_NS3_H
#define DATAGEN_IMPORT_NS3_H

#include "base/log.h"
#include "data/dataset.h"

/* Reads dir: what sim_scenario_read reads, with fct.txt; paths.txt and one packet trace (NAME.tr), each plain
 * or gzip, where they are there. Without a trace, queues and received bytes stay unknown; a trace without
 * receipts leaves the received bytes unknown. Facts live in `arena`, which is made here. Warnings of the
 * scenario go to log (may be NULL). M4_DATA: damaged, or files that contradict each other, such as a trace
 * that has fewer bytes of a finished flow than the flow's size; M4_USAGE: closed loop. */
m4_status dg_import_ns3(ds_scenario *facts, m4_arena *arena, const char *dir, m4_log *log, m4_error *err);

/* True when dir has the files that name an ns-3 folder. */
bool dg_is_ns3_folder(const char *dir);

#endif
