/* How busy links are over time, from the results of a run: every flow loads its path evenly from its release
 * to its completion, so that all back ends are measured alike (bytes are exact, their distribution within one
 * flow's life is not). Knows engine results. */
#ifndef SIM_UTILISATION_H
#define SIM_UTILISATION_H

#include "sim/engine.h"

typedef struct sim_link_load {
  int32_t link;      /* directed link */
  int64_t flows;     /* finished flows that used it */
  double wire_bytes; /* theirs, 48 header bytes per 1000 */
  double mean, peak; /* share of the link's rate, over all bins and in the busiest */
} sim_link_load;

typedef struct sim_utilisation {
  int32_t n_links, n_bins; /* links that carried anything */
  double start_ns, bin_ns; /* bin b: start + b * bin .. + bin */
  sim_link_load *links;    /* [n_links] by falling wire bytes, then link number */
  double *share;           /* [n_links, n_bins] of the link's rate */
  double *mean;            /* [n_bins] over all these links */
} sim_utilisation;

/* From the first release to the last completion in n_bins >= 1 equal bins. M4_MEMORY. */
m4_status sim_utilisation_of(sim_utilisation *utilisation, const sim_scenario *scenario,
                             const sim_result *result, int32_t n_bins, m4_error *err);
void sim_utilisation_free(sim_utilisation *utilisation); /* zeroed structs are accepted */

/* links.csv: one row a link. */
void sim_utilisation_write_links(FILE *out, const sim_utilisation *utilisation, const sim_topology *topology);
/* utilisation.csv: time and one column for each of the busiest links. */
void sim_utilisation_write_series(FILE *out, const sim_utilisation *utilisation, const sim_topology *topology,
                                  int32_t most_links);

#endif
