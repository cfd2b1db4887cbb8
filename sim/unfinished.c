/* See unfinished.h. */
#include "sim/unfinished.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct listing {
  sim_result *result;
  bool *told; /* [n_flows] */
} listing;

static void add(void *ctx, int64_t flow, const char *why) {
  const listing *l = ctx;
  l->told[flow] = true;
  if (l->result->n_listed == SIM_MAX_LISTED) return;
  sim_unfinished *entry = &l->result->unfinished[l->result->n_listed++];
  entry->flow = flow;
  snprintf(entry->why, sizeof entry->why, "%s", why);
}

/* What the back end says, then the flows that it does not know of. */
static m4_status list(listing *l, const sim_backend *backend, const int64_t *causes_left, m4_error *err) {
  if (backend->ops->unfinished) M4_TRY(backend->ops->unfinished(backend, add, l, err));
  for (int64_t i = 0; i < l->result->n_flows; i++) {
    if (!isnan(l->result->fct_ns[i]) || l->told[i]) continue;
    bool waits = causes_left && causes_left[i] > 0;
    add(l, i, waits ? "never started: it waits for flows that never finish" : "");
  }
  return M4_OK;
}

m4_status sim_list_unfinished(sim_result *result, const sim_backend *backend, const int64_t *causes_left,
                              m4_error *err) {
  int64_t left = result->n_flows - result->n_finished;
  if (left == 0) return M4_OK;
  listing l = {result, calloc((size_t)result->n_flows, sizeof *l.told)};
  result->unfinished =
      calloc((size_t)(left < SIM_MAX_LISTED ? left : SIM_MAX_LISTED), sizeof *result->unfinished);
  m4_status status = l.told && result->unfinished
                         ? list(&l, backend, causes_left, err)
                         : m4_fail(err, M4_MEMORY, NULL, "no memory to list %lld flows", (long long)left);
  free(l.told);
  return status;
}
