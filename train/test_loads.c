/* How loaded the scenarios of a test are. */
#include "base/signals.h"
#include "data/survey.h"
#include "train/test.h"

#include <math.h>
#include <stdlib.h>

static m4_status load_of(double *load, ds_dataset *dataset, int32_t scenario, m4_arena *arena,
                         m4_error *err) {
  ds_scenario facts;
  M4_TRY(ds_read_summary(dataset, scenario, arena, &facts, err));
  return ds_scenario_load(load, &facts, err);
}

m4_status tr_test_loads(double **loads, ds_dataset *dataset, const int64_t *periods, int64_t n_periods,
                        m4_error *err) {
  static const size_t arena_bytes = (size_t)8 << 30;
  int32_t n = ds_n_scenarios(dataset), previous = -1;
  m4_arena arena;
  *loads = malloc((size_t)n * sizeof **loads);
  bool *is_known = calloc((size_t)n, sizeof *is_known);
  m4_status status = m4_arena_init(&arena, arena_bytes, err);
  if (status == M4_OK && (!*loads || !is_known))
    status = m4_fail(err, M4_MEMORY, NULL, "no memory for the loads of %d scenarios", n);
  for (int32_t s = 0; status == M4_OK && s < n; ++s) (*loads)[s] = NAN;
  for (int64_t i = 0; i < n_periods && status == M4_OK; ++i) {
    int32_t scenario = ds_period(dataset, periods[i]).scenario;
    if (scenario == previous || is_known[scenario]) continue;
    if (m4_stop_requested()) status = m4_fail(err, M4_INTERRUPTED, "test", "stopped");
    if (status == M4_OK) status = load_of(&(*loads)[scenario], dataset, scenario, &arena, err);
    m4_arena_release(&arena, 0);
    is_known[scenario] = true;
    previous = scenario;
  }
  free(is_known);
  m4_arena_free(&arena);
  return status;
}
