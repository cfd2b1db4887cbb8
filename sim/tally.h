/* What is kept of each scenario's comparison, and all of them together: one CSV and one table of means. Knows
 * comparison. */
#ifndef SIM_TALLY_H
#define SIM_TALLY_H

#include "sim/comparison.h"

/* Zero-initialise before use. */
typedef struct sim_tally_entry {
  char *csv;                                    /* the scenario's rows; NULL: it gave no comparison */
  sim_contender contenders[SIM_MAX_CONTENDERS]; /* without their results' arrays */
  int n;
} sim_tally_entry;

m4_status sim_tally_keep(sim_tally_entry *entry, const sim_comparison *comparison, m4_error *err);
void sim_tally_free(sim_tally_entry *entry);

void sim_tally_csv(FILE *out, const sim_tally_entry *const *entries, size_t n_entries);
/* Line `line` (0 = the heading) of the table: for each back end means over the scenarios that it was compared
 * in, and the sum of its run times; false behind the last line. */
bool sim_tally_line(const sim_tally_entry *const *entries, size_t n_entries, int line, char *text,
                    size_t bytes);

#endif
