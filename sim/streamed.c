/* See streamed.h. */
#include "sim/streamed.h"

#include "base/signals.h"
#include "sim/meter.h"
#include "sim/output.h"
#include "sim/stream.h"

#include <math.h>

typedef struct streamed {
  sim_meter *meter;
  double start_ns; /* first completion seen: where the simulated time shown begins */
  int64_t reported;
} streamed;

static bool on_completion(void *ctx, double now_ns, int64_t finished, int64_t total) {
  streamed *run = ctx;
  if (run->reported == 0) run->start_ns = now_ns;
  sim_meter_add(run->meter, "flowsim", (uint64_t)(finished - run->reported), now_ns - run->start_ns,
                total - finished);
  run->reported = finished;
  return m4_stop_requested() == 0;
}

static m4_status limit_flows(sim_scenario *scenario, const sim_streamed_options *options, m4_error *err) {
  if (options->flow_limit < 0) return M4_OK;
  int64_t hosts = options->hosts_per_rack > 0 ? options->hosts_per_rack : scenario->hosts_per_group;
  return sim_scenario_limit_flows(scenario, options->flow_limit, hosts, err);
}

static void announce(const sim_scenario *scenario, const sim_result *result, m4_log *log) {
  if (result->n_finished < result->n_flows)
    m4_warn(log, "%s: %lld flows have not finished", scenario->name,
            (long long)(result->n_flows - result->n_finished));
  m4_info(log, "%s, flowsim: %lld of %lld flows finished, %llu events in %.2f s (%.3g events/s)",
          scenario->name, (long long)result->n_finished, (long long)result->n_flows,
          (unsigned long long)result->events, result->wall_seconds,
          (double)result->events / fmax(result->wall_seconds, 1e-9));
}

static m4_status simulate(sim_stream *stream, const sim_streamed_options *options, m4_log *log,
                          m4_error *err) {
  streamed run = {0};
  sim_result result = {0};
  sim_backend *backend = NULL;
  sim_scenario *scenario = sim_stream_scenario(stream);
  for (char **warning = scenario->warnings; warning && *warning; warning++) m4_warn(log, "%s", *warning);
  M4_TRY(limit_flows(scenario, options, err));
  if (!options->out_dir) return M4_OK;
  M4_TRY(sim_check_out_dir(options->out_dir, options->scenario_dir, err));
  M4_TRY(sim_flowsim_backend(&backend, scenario, &options->flowsim, err));
  m4_status status = sim_meter_create(&run.meter, log, (uint64_t)sim_stream_count(stream), true, err);
  if (status == M4_OK)
    status = sim_stream_run(stream, backend, options->out_dir, on_completion, &run, &result, err);
  if (status == M4_OK || status == M4_INTERRUPTED) announce(scenario, &result, log);
  sim_meter_free(run.meter);
  sim_result_free(&result);
  sim_backend_free(backend);
  return status;
}

m4_status sim_streamed_run(const sim_streamed_options *options, m4_log *log, m4_error *err) {
  sim_stream *stream;
  M4_TRY(sim_stream_open(&stream, options->scenario_dir, err));
  m4_status status = simulate(stream, options, log, err);
  sim_stream_free(stream);
  return status;
}
