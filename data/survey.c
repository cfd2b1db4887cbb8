/* A dataset in numbers. */
#include "data/survey.h"

#include "base/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t ARENA_BYTES = (size_t)8 << 30;

const char *ds_cc_name(int cc) {
  static const char *const names[DS_N_CC + 1] = {"DCTCP", "DCQCN", "HPCC", "TIMELY", "none"};
  return names[cc < 0 || cc > DS_N_CC ? DS_N_CC : cc];
}

int ds_cc_of(const double params[M4_N_PARAMS]) {
  enum { FIRST = 2 };
  int chosen = DS_N_CC, n_chosen = 0;
  for (int cc = 0; cc < DS_N_CC; ++cc)
    if (params[FIRST + cc] != 0) {
      chosen = cc;
      n_chosen++;
    }
  return n_chosen == 1 ? chosen : DS_N_CC;
}

static bool append(ds_series *series, double value) {
  if (series->n == series->capacity) {
    size_t capacity = 2 * series->capacity + 1024;
    double *more = realloc(series->values, capacity * sizeof *more);
    if (!more) return false;
    series->values = more;
    series->capacity = capacity;
  }
  series->values[series->n++] = value;
  return true;
}

static void widen(int64_t *min, int64_t *max, int64_t value) {
  if (*max < 0 || value < *min) *min = value;
  if (value > *max) *max = value;
}

static void count_network(ds_survey *survey, const ds_scenario *s) {
  int64_t n_hosts = 0;
  for (int32_t node = 0; node < s->n_nodes; ++node) n_hosts += !s->node_is_switch[node];
  widen(&survey->min_hosts, &survey->max_hosts, n_hosts);
  widen(&survey->min_flows, &survey->max_flows, s->n_flows);
  for (int32_t link = 0; link < s->n_links; ++link)
    widen(&survey->min_rate_bps, &survey->max_rate_bps, s->link_rate_bps[link]);
}

static void count_queues(ds_queue_counts *counts, const ds_scenario *s) {
  for (int64_t hop = 0; hop < s->path_offset[s->n_flows]; ++hop) {
    int64_t bytes = s->queue_bytes[hop];
    counts->n_unknown += bytes < 0;
    counts->n_empty += bytes == 0;
    counts->n_known += bytes >= 0;
    if (bytes <= 0) continue;
    double bin = ceil(DS_QUEUE_BINS_PER_DECADE * log10((double)bytes));
    counts->bins[(int)fmin(fmax(bin, 0), DS_N_QUEUE_BINS - 1)]++;
  }
}

static bool add_flows(ds_survey *survey, const ds_scenario *s, int cc) {
  bool ok = true;
  for (int64_t f = 0; f < s->n_flows; ++f) {
    double ideal = (double)s->ideal_fct_ns[f], flowsim = s->flowsim_fct_ns[f];
    survey->bytes += (double)s->size_bytes[f];
    survey->n_unfinished += s->fct_ns[f] < 0;
    if (s->fct_ns[f] < 0) continue;
    ok = ok && append(&survey->size_bytes, (double)s->size_bytes[f]) &&
         append(&survey->slowdown, (double)s->fct_ns[f] / ideal) &&
         append(&survey->flowsim_slowdown, flowsim > 0 ? flowsim / ideal : NAN) &&
         append(&survey->cc, cc < DS_N_CC ? cc : NAN);
  }
  return ok;
}

static bool add_periods(ds_survey *survey, const ds_scenario *s) {
  bool ok = true;
  for (int64_t p = 0; p < s->n_periods; ++p)
    ok = ok &&
         append(&survey->period_flows, (double)(s->period_flow_offset[p + 1] - s->period_flow_offset[p])) &&
         append(&survey->period_active, s->period_max_active[p]) &&
         append(&survey->period_us, (double)(s->period_end_ns[p] - s->period_start_ns[p]) / 1e3);
  return ok;
}

static void count_rows(ds_survey *survey, const ds_scenario *s) {
  survey->n_rows += 2 * s->n_flows;
  for (int64_t e = 0; e < 2 * s->n_flows; ++e)
    survey->n_rows_recorded += s->received_offset[e + 1] > s->received_offset[e];
}

m4_status ds_scenario_load(double *load, const ds_scenario *s, m4_error *err) {
  double *busy_seconds = calloc((size_t)s->n_links, sizeof *busy_seconds), largest = 0;
  int64_t first_ns = INT64_MAX, last_ns = 0;
  if (!busy_seconds) return m4_fail(err, M4_MEMORY, s->name, "no memory for %d links", s->n_links);
  bool finished = true;
  for (int64_t f = 0; f < s->n_flows; ++f) {
    int64_t end_ns = s->start_ns[f] + s->fct_ns[f];
    finished &= s->fct_ns[f] >= 0;
    if (s->start_ns[f] < first_ns) first_ns = s->start_ns[f];
    if (end_ns > last_ns) last_ns = end_ns;
    for (int64_t hop = s->path_offset[f]; hop < s->path_offset[f + 1]; ++hop)
      busy_seconds[s->path_link[hop]] +=
          8 * (double)s->size_bytes[f] / (double)s->link_rate_bps[s->path_link[hop]];
  }
  for (int32_t link = 0; link < s->n_links; ++link) largest = fmax(largest, busy_seconds[link]);
  free(busy_seconds);
  *load = finished && last_ns > first_ns ? 1e9 * largest / (double)(last_ns - first_ns) : NAN;
  return M4_OK;
}

static m4_status add_scenario(ds_survey *survey, ds_dataset *dataset, int32_t scenario, m4_arena *arena,
                              m4_error *err) {
  ds_scenario facts;
  M4_TRY(ds_read_summary(dataset, scenario, arena, &facts, err));
  int cc = ds_cc_of(facts.params);
  double load;
  M4_TRY(ds_scenario_load(&load, &facts, err));
  survey->n_scenarios++;
  survey->n_unusable += !ds_scenario_usable(dataset, scenario);
  survey->n_flows += facts.n_flows;
  survey->n_periods += facts.n_periods;
  if (cc < DS_N_CC) survey->cc_scenarios[cc]++;
  count_network(survey, &facts);
  count_rows(survey, &facts);
  count_queues(&survey->queues[cc], &facts);
  if (add_flows(survey, &facts, cc) && add_periods(survey, &facts) && append(&survey->load, load))
    return M4_OK;
  return m4_fail(err, M4_MEMORY, facts.name, "no memory for the numbers of the flows");
}

m4_status ds_survey_make(ds_survey *survey, ds_dataset *dataset, m4_log *log, m4_error *err) {
  *survey = (ds_survey){.max_hosts = -1, .max_flows = -1, .max_rate_bps = -1};
  int32_t n_scenarios = ds_n_scenarios(dataset);
  m4_progress *progress = NULL;
  m4_arena arena;
  M4_TRY(m4_arena_init(&arena, ARENA_BYTES, err));
  m4_status status = m4_progress_create(&progress, log, "read", "scenarios", (uint64_t)n_scenarios, err);
  for (int32_t s = 0; s < n_scenarios && status == M4_OK; ++s) {
    status = m4_stop_requested() ? m4_fail(err, M4_INTERRUPTED, NULL, "interrupted")
                                 : add_scenario(survey, dataset, s, &arena, err);
    m4_arena_release(&arena, 0);
    m4_progress_update(progress, (uint64_t)s + 1, NULL);
  }
  m4_progress_free(progress);
  m4_arena_free(&arena);
  return status;
}

void ds_survey_free(ds_survey *survey) {
  ds_series *const all[] = {
      &survey->load, &survey->size_bytes,   &survey->slowdown,      &survey->flowsim_slowdown,
      &survey->cc,   &survey->period_flows, &survey->period_active, &survey->period_us};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; ++i) {
    free(all[i]->values);
    *all[i] = (ds_series){0};
  }
}
