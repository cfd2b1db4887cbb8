/* Many comparisons in one; see tally.h. */
#include "sim/tally.h"

#include <stdlib.h>
#include <string.h>

m4_status sim_tally_keep(sim_tally_entry *entry, const sim_comparison *comparison, m4_error *err) {
  size_t length;
  FILE *out = open_memstream(&entry->csv, &length);
  if (!out) return m4_fail(err, M4_MEMORY, comparison->scenario->name, "no memory for a comparison");
  sim_comparison_csv(out, comparison);
  if (fclose(out) != 0)
    return m4_fail(err, M4_MEMORY, comparison->scenario->name, "no memory for a comparison");
  entry->n = comparison->n;
  for (int i = 0; i < comparison->n; i++) {
    entry->contenders[i] = comparison->list[i];
    sim_result *result = &entry->contenders[i].result;
    result->fct_ns = result->release_ns = NULL;
    result->order = NULL;
  }
  return M4_OK;
}

void sim_tally_free(sim_tally_entry *entry) {
  free(entry->csv);
  *entry = (sim_tally_entry){0};
}

void sim_tally_csv(FILE *out, const sim_tally_entry *const *entries, size_t n_entries) {
  sim_comparison_csv_header(out);
  for (size_t i = 0; i < n_entries; i++)
    if (entries[i]->csv) fputs(entries[i]->csv, out);
}

/* Sums over scenarios of one back end. */
typedef struct sums {
  int64_t scenarios, compared;
  double seconds, p99_slowdown, mean, p90, tail, signed_mean;
} sums;

static sums sum_up(const sim_tally_entry *const *entries, size_t n_entries, const char *name) {
  sums total = {0};
  for (size_t i = 0; i < n_entries; i++)
    for (int k = 0; k < entries[i]->n; k++) {
      const sim_contender *contender = &entries[i]->contenders[k];
      if (strcmp(contender->name, name) != 0 || contender->all.n_flows == 0) continue;
      total.scenarios++;
      total.seconds += contender->result.wall_seconds;
      total.p99_slowdown += contender->all.p99;
      if (!contender->compared || contender->errors.all.n_flows == 0) continue;
      total.compared++;
      total.mean += contender->errors.all.mean;
      total.p90 += contender->errors.all.p90;
      total.tail += contender->errors.p99_tail;
      total.signed_mean += contender->errors.all.signed_mean;
    }
  return total;
}

bool sim_tally_line(const sim_tally_entry *const *entries, size_t n_entries, int line, char *text,
                    size_t bytes) {
  const sim_tally_entry *first = NULL; /* every scenario has the same back ends */
  for (size_t i = 0; i < n_entries && !first; i++)
    if (entries[i]->n > 0) first = entries[i];
  if (!first || line > first->n) return false;
  if (line == 0) {
    snprintf(text, bytes, "%-8s %9s %9s %13s | mean over scenarios of error %%: mean   p90   tail  signed",
             "backend", "scenarios", "seconds", "p99 slowdown");
    return true;
  }
  const char *name = first->contenders[line - 1].name;
  sums total = sum_up(entries, n_entries, name);
  double scenarios = total.scenarios > 0 ? (double)total.scenarios : 1;
  int used = snprintf(text, bytes, "%-8s %9lld %9.3f %13.2f", name, (long long)total.scenarios, total.seconds,
                      total.p99_slowdown / scenarios);
  double scale = total.compared > 0 ? 100 / (double)total.compared : 0;
  if (total.compared > 0 && used > 0 && (size_t)used < bytes)
    snprintf(text + used, bytes - (size_t)used, " | %35.1f %5.1f %6.1f %+7.1f", scale * total.mean,
             scale * total.p90, scale * total.tail, scale * total.signed_mean);
  return true;
}
