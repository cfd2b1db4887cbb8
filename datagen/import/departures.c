/* From measured FCTs to departures, in their order. */
#include "datagen/import/departures.h"

#include <stdlib.h>

typedef struct departure {
  int64_t end_ns, fct_ns;
  int32_t flow; /* position in the facts */
} departure;

static int compare_departures(const void *a, const void *b) {
  const departure *x = a, *y = b;
  if (x->end_ns != y->end_ns) return x->end_ns < y->end_ns ? -1 : 1;
  return (x->flow > y->flow) - (x->flow < y->flow);
}

m4_status dg_announce_departures(const sim_scenario *scenario, dg_recorder *recorder, m4_error *err) {
  departure *list = calloc((size_t)scenario->n_flows + 1, sizeof *list);
  if (!list) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for the departures");
  size_t count = 0;
  for (int64_t i = 0; i < scenario->n_flows; ++i)
    if (scenario->truth_fct_ns[i] > 0)
      list[count++] = (departure){.end_ns = scenario->flows[i].start_ns + scenario->truth_fct_ns[i],
                                  .fct_ns = scenario->truth_fct_ns[i],
                                  .flow = recorder->position[i]};
  if (count > 0) qsort(list, count, sizeof *list, compare_departures);
  for (size_t i = 0; i < count; ++i) dg_recorder_depart(recorder, list[i].flow, list[i].fct_ns);
  free(list);
  return M4_OK;
}
