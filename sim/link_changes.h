/* Links that fail, slow down and return during a scenario: link_changes.txt. Knows topology. */
#ifndef SIM_LINK_CHANGES_H
#define SIM_LINK_CHANGES_H

#include "sim/topology.h"

#include <stdio.h>

typedef struct sim_link_event {
  int64_t time_ns, rate_bps; /* rate 0 = failed */
  int32_t link;              /* directed */
} sim_link_event;

typedef struct sim_link_changes {
  sim_link_event *list; /* [count] in the order of their times */
  int64_t count;
} sim_link_changes;

/* Reads path (plain or .gz): lines "seconds node node rate", both directions of every cable between the two
 * nodes; rates as in topology.txt, 0 = failed; times do not decrease; lines that begin with # are skipped.
 * M4_DATA with file:line. */
m4_status sim_link_changes_read(sim_link_changes *changes, const sim_topology *topology, const char *path,
                                m4_error *err);
void sim_link_changes_free(sim_link_changes *changes); /* a zeroed struct is accepted */
/* Writes what sim_link_changes_read makes the same list of. */
void sim_link_changes_write(const sim_link_changes *changes, const sim_topology *topology, FILE *out);

#endif
