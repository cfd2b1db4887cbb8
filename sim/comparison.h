/* Several back ends on one scenario, side by side: slowdowns by flow size, errors against a truth, speed.
 * Knows engine results and metrics. Source: simulation.md 9. */
#ifndef SIM_COMPARISON_H
#define SIM_COMPARISON_H

#include "sim/metrics.h"

enum { SIM_MAX_CONTENDERS = 4 }; /* three back ends and a fct.txt */

/* Slowdowns (FCT / ideal FCT) of the flows of one set that finished; NAN when there are none. */
typedef struct sim_slowdowns {
  int64_t n_flows;
  double mean, p50, p90, p99, max;
} sim_slowdowns;

/* One column of the comparison. A truth read from a file has no times and no counts. */
typedef struct sim_contender {
  const char *name; /* "packet", "flowsim", "m4"; "fct.txt" for a truth from a file */
  bool from_file;
  sim_result result; /* owned; of a truth from a file only FCTs, releases and counts */
  sim_slowdowns all, by_size[M4_N_SIZE_BUCKETS];
  bool compared;      /* errors are filled in */
  m4_accuracy errors; /* against the truth */
} sim_contender;

/* Zero-initialise, set the scenario, add results, then sim_comparison_finish. */
typedef struct sim_comparison {
  const sim_scenario *scenario;
  sim_contender list[SIM_MAX_CONTENDERS];
  int n;
  int truth; /* index in the list; -1 = nothing to measure errors against */
} sim_comparison;

/* Takes the result over (it is emptied). name is not copied. */
void sim_comparison_add(sim_comparison *comparison, const char *name, sim_result *result);
/* Adds the scenario's fct.txt, which becomes the truth; without it "packet" is the truth when it is there.
 * Then works out everything. M4_MEMORY. */
m4_status sim_comparison_finish(sim_comparison *comparison, bool use_file, m4_error *err);
void sim_comparison_free(sim_comparison *comparison);

/* One row a back end and size bucket ("all" first), percent for errors, empty where unknown. */
void sim_comparison_csv_header(FILE *out);
void sim_comparison_csv(FILE *out, const sim_comparison *comparison);
/* The same as JSON, with counts and speeds. */
m4_status sim_comparison_json(FILE *out, const sim_comparison *comparison, m4_error *err);
/* Line `line` (0 = the heading) of the table for people; false behind the last line. */
bool sim_comparison_line(const sim_comparison *comparison, int line, char *text, size_t bytes);

#endif
