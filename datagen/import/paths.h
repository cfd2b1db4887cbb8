/* Paths that a folder tells in place of the computed ones. Knows scenario. */
#ifndef DATAGEN_IMPORT_PATHS_H
#define DATAGEN_IMPORT_PATHS_H

#include "base/arena.h"
#include "sim/scenario.h"

/* The first link between two nodes; -1 when there is none. */
int32_t dg_link_between(const sim_topology *topology, int32_t from, int32_t to);

/* Gives a flow of the scenario another path, and the ideal FCT that belongs to it; links are copied into
 * `arena`. M4_DATA: the ideal FCT is too large. */
m4_status dg_set_path(const sim_scenario *scenario, sim_flow *flow, const int32_t *links, int32_t n_links,
                      m4_arena *arena, m4_error *err);

/* Reads dir/paths.txt, when there is one: "id switch switch ..." per flow, as ns-3 wrote the forward paths.
 * Flows that it lists take these paths, and the ideal FCTs that belong to them; links live in `arena`.
 * M4_DATA with file:line: no such flow or link. */
m4_status dg_read_paths(sim_scenario *scenario, const char *dir, m4_arena *arena, m4_error *err);

#endif
