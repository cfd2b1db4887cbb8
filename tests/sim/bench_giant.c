/* One large event through the parts of a session; see bench_giant.h. */
#include "tests/sim/bench_giant.h"

#include "base/log.h"
#include "infer/bundles.h"
#include "infer/snapshot.h"
#include "infer/work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BEST_OF = 3 };

typedef struct giant {
  inf_work work;
  inf_slots slots;
  inf_components components;
  inf_bundles bundles;
  inf_snapshot snapshot;
  int32_t *link_row; /* [n_links + 1] */
} giant;

static double cpu_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static m4_status add(giant *self, const sim_flow *flow, int64_t tag, m4_error *err) {
  inf_bundle_copy copies[SIM_MAX_PATH];
  const float params[M4_N_PARAMS] = {100, 10, 1, 0, 0, 0, 20};
  const inf_flow facts = {tag,         flow->size_bytes, (double)flow->ideal_fct_ns,
                          flow->links, flow->n_links,    params};
  int32_t slot, row;
  M4_TRY(inf_slots_take(&self->slots, 0, &facts, &slot, err));
  M4_TRY(inf_work_take_flow(&self->work, &row, err));
  self->slots.list[slot].row = row;
  M4_TRY(inf_components_join(&self->components, tag, slot, flow->links, flow->n_links, err));
  int32_t n = inf_bundles_join(&self->bundles, flow->links, flow->n_links, copies);
  for (int32_t i = 0; i < n; i++) {
    M4_TRY(inf_work_take_link(&self->work, &self->link_row[copies[i].to], err));
    m4_state_init_link(&self->work.state, self->work.model, self->link_row[copies[i].to]);
  }
  m4_state_init_flow(&self->work.state, self->work.model, row, 5, flow->n_links, params);
  return M4_OK;
}

static m4_status build(giant *self, const m4_model *model, const sim_scenario *scenario, int64_t n,
                       m4_error *err) {
  int32_t n_links = scenario->topology->n_links;
  self->link_row = calloc((size_t)n_links + 1, sizeof *self->link_row);
  if (!self->link_row) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", n_links);
  M4_TRY(inf_work_init(&self->work, model, err));
  M4_TRY(inf_work_take_link(&self->work, &self->link_row[0], err));
  M4_TRY(inf_slots_grow(&self->slots, (int32_t)n, err));
  M4_TRY(inf_components_init(&self->components, n_links, true, err));
  M4_TRY(inf_bundles_init(&self->bundles, n_links, true, err));
  M4_TRY(inf_snapshot_init(&self->snapshot, n_links, err));
  for (int64_t i = 0; i < n; i++) M4_TRY(add(self, &scenario->flows[i], i, err));
  return M4_OK;
}

static m4_status time_event(giant *self, const int32_t *path, double *seconds, m4_error *err) {
  double start = cpu_seconds();
  inf_request request = {.new_row = -1}, *requests[] = {&request};
  M4_TRY(inf_snapshot_take(&self->snapshot, &self->slots, inf_components_of(&self->components, path),
                           self->bundles.row, self->components.flow_count, self->link_row, &request.event,
                           err));
  request.event.dt_us = 1;
  M4_TRY(inf_work_step(&self->work, requests, 1, err));
  *seconds = fmin(*seconds, cpu_seconds() - start);
  return M4_OK;
}

double giant_event_us(const m4_model *model, const sim_scenario *scenario, int64_t n) {
  giant self = {0};
  m4_error err = {0};
  double seconds = INFINITY;
  m4_status status = build(&self, model, scenario, n, &err);
  for (int i = 0; status == M4_OK && i <= BEST_OF; i++)
    status = time_event(&self, scenario->flows[0].links, &seconds, &err);
  if (status != M4_OK) {
    m4_print_error("bench_backends", &err);
    exit(m4_exit_code(status));
  }
  inf_snapshot_free(&self.snapshot);
  inf_bundles_free(&self.bundles);
  inf_components_free(&self.components);
  inf_slots_free(&self.slots);
  inf_work_free(&self.work);
  free(self.link_row);
  return 1e6 * seconds;
}
