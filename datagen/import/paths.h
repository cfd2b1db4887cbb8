/* Paths that an ns-3 folder tells (paths.txt) in place of the computed ones. Knows scenario. */
#ifndef DATAGEN_IMPORT_PATHS_H
#define DATAGEN_IMPORT_PATHS_H

#include "base/arena.h"
#include "sim/scenario.h"

/* Reads dir/paths.txt, when there is one: "id switch switch ..." per flow, as ns-3 wrote the forward paths.
 * Flows that it lists take these paths, and the ideal FCTs that belong to them; links live in `arena`.
 * M4_DATA with file:line: no such flow or link. */
m4_status dg_read_paths(sim_scenario *scenario, const char *dir, m4_arena *arena, m4_error *err);

#endif
