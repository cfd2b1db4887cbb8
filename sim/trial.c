/* Makes a back end, runs it and writes what comes out; see trial.h. */
#include "sim/trial.h"

#include "base/file.h"
#include "base/signals.h"
#include "sim/explain.h"
#include "sim/live.h"
#include "sim/output.h"
#include "sim/packet/trace.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_PATH_BYTES = 4096, MAX_WARNINGS = 5 };

const char *sim_backend_name(sim_backend_kind kind) {
  static const char *const names[SIM_N_BACKENDS] = {"packet", "flowsim", "m4"};
  return names[kind];
}

/* A trial while it runs. */
struct sim_running {
  sim_trial trial;
  sim_result *result;
  sim_engine *engine;
  sim_backend *backend;
  pkt_trace *trace;     /* with options->trace */
  sim_explain *explain; /* with options->explain */
  sim_live *live;
  int64_t reported; /* flows counted in the progress so far */
};

/* ---- back ends ---- */

static m4_status make_packet(sim_running *run, m4_error *err) {
  char path[MAX_PATH_BYTES];
  const sim_trial *trial = &run->trial;
  if (run->explain) {
    const pkt_probe story = sim_explain_probe(run->explain);
    return sim_packet_backend(&run->backend, trial->scenario, &story, err);
  }
  if (!trial->options->trace) return sim_packet_backend(&run->backend, trial->scenario, NULL, err);
  M4_TRY(m4_dir_make(trial->out_dir, err));
  M4_TRY(m4_path_join(path, sizeof path, trial->out_dir, "mix.tr", err));
  M4_TRY(pkt_trace_create(&run->trace, trial->scenario, path, err));
  const pkt_probe probe = pkt_trace_probe(run->trace);
  return sim_packet_backend(&run->backend, trial->scenario, &probe, err);
}

/* A story is told event by event: its back end waits for nobody. */
static m4_status make_learned(sim_running *run, m4_error *err) {
  const sim_trial *trial = &run->trial;
  sim_learned_options options = trial->options->learned;
  options.stack = run->explain ? NULL : trial->stack;
  return sim_learned_backend(&run->backend, trial->scenario, trial->options->model, &options, err);
}

static m4_status make_backend(sim_running *run, m4_error *err) {
  const sim_trial *trial = &run->trial;
  const sim_trial_options *options = trial->options;
  switch (trial->backend) {
  case SIM_BACKEND_PACKET:
    return make_packet(run, err);
  case SIM_BACKEND_FLOWSIM:
    return sim_flowsim_backend(&run->backend, trial->scenario, &options->flowsim, err);
  case SIM_BACKEND_M4:
    return make_learned(run, err);
  }
  return m4_fail(err, M4_INTERNAL, NULL, "unknown back end");
}

/* ---- the story of one flow ---- */

static m4_status find_flow(const sim_trial *trial, int64_t *index, m4_error *err) {
  const sim_scenario *scenario = trial->scenario;
  for (*index = 0; *index < scenario->n_flows; ++*index)
    if (scenario->flows[*index].id == trial->options->explain_id) return M4_OK;
  return m4_fail(err, M4_USAGE, "--explain", "there is no flow %lld in %s",
                 (long long)trial->options->explain_id, scenario->name);
}

/* Makes the back end, with a watcher when a story is wanted. */
static m4_status make_watched(sim_running *run, m4_error *err) {
  if (!run->trial.options->explain) return make_backend(run, err);
  int64_t index;
  M4_TRY(find_flow(&run->trial, &index, err));
  M4_TRY(sim_explain_create(&run->explain, run->trial.scenario, index, err));
  M4_TRY(make_backend(run, err));
  return run->trial.backend == SIM_BACKEND_PACKET ? M4_OK
                                                  : sim_explain_wrap(run->explain, &run->backend, err);
}

static m4_status write_story_file(const sim_running *run, const char *ending, bool text, m4_error *err) {
  char name[64], path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  const char *backend = sim_backend_name(run->trial.backend);
  snprintf(name, sizeof name, "explain_%lld.%s", (long long)run->trial.options->explain_id, ending);
  M4_TRY(m4_path_join(path, sizeof path, run->trial.out_dir, name, err));
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = M4_OK;
  if (text)
    sim_explain_text(file.stream, run->explain, backend, run->result);
  else
    status = sim_explain_json(file.stream, run->explain, backend, run->result, err);
  if (status == M4_OK) status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

/* Shown in one piece: several scenarios may run. */
static m4_status tell_story(const sim_running *run, m4_error *err) {
  char *text = NULL;
  size_t length;
  if (!run->explain) return M4_OK;
  M4_TRY(write_story_file(run, "txt", true, err));
  M4_TRY(write_story_file(run, "json", false, err));
  FILE *out = open_memstream(&text, &length);
  if (!out) return m4_fail(err, M4_MEMORY, NULL, "no memory for a story");
  sim_explain_text(out, run->explain, sim_backend_name(run->trial.backend), run->result);
  fclose(out);
  FILE *screen = run->trial.options->explain_out;
  bool written = fputs(text, screen) >= 0 && fflush(screen) == 0;
  free(text);
  return written ? M4_OK : m4_fail(err, M4_IO, "--explain", "cannot show the story");
}

/* A complete run goes on to the last acknowledgement, which no result needs. */
static m4_status finish_trace(sim_running *run, bool complete, m4_error *err) {
  bool found = false;
  sim_completion unused;
  if (!run->trace) return M4_OK;
  if (complete) M4_TRY(run->backend->ops->advance(run->backend, INFINITY, &found, &unused, err));
  return pkt_trace_commit(run->trace, err);
}

/* ---- the run ---- */

static bool on_completion(void *ctx, double now_ns, int64_t finished, int64_t total) {
  sim_running *run = ctx;
  const sim_scenario *scenario = run->trial.scenario;
  sim_live_update(run->live, scenario, run->result);
  sim_meter_add(run->trial.meter, sim_backend_name(run->trial.backend), (uint64_t)(finished - run->reported),
                now_ns - (double)scenario->flows[0].start_ns, total - finished);
  run->reported = finished;
  return m4_stop_requested() == 0;
}

static void announce(const sim_trial *trial, const sim_result *result, const m4_accuracy *errors) {
  double seconds = fmax(result->wall_seconds, 1e-9);
  char error[96] = "";
  if (errors && errors->all.n_flows > 0)
    snprintf(error, sizeof error, "; error mean %.1f %%, p90 %.1f %%, tail %.1f %%", 100 * errors->all.mean,
             100 * errors->all.p90, 100 * errors->p99_tail);
  m4_info(trial->log, "%s, %s: %lld of %lld flows finished, %llu events in %.2f s (%.3g events/s)%s",
          trial->scenario->name, sim_backend_name(trial->backend), (long long)result->n_finished,
          (long long)result->n_flows, (unsigned long long)result->events, result->wall_seconds,
          (double)result->events / seconds, error);
}

/* counters.csv of a back end that counts per link. */
static m4_status write_counters(const sim_running *run, m4_error *err) {
  char path[MAX_PATH_BYTES];
  m4_outfile file = {0};
  if (!run->backend->ops->write_links) return M4_OK;
  M4_TRY(m4_path_join(path, sizeof path, run->trial.out_dir, "counters.csv", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  run->backend->ops->write_links(run->backend, file.stream);
  m4_status status = m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return status;
}

static void warn_of_unfinished(const sim_trial *trial, const sim_result *result) {
  for (int64_t i = 0; i < result->n_listed && i < MAX_WARNINGS; i++)
    m4_warn(trial->log, "%s, %s: flow %lld never finishes: %s", trial->scenario->name,
            sim_backend_name(trial->backend),
            (long long)trial->scenario->flows[result->unfinished[i].flow].id,
            *result->unfinished[i].why ? result->unfinished[i].why : "nothing can move it");
  if (result->n_listed > MAX_WARNINGS)
    m4_warn(trial->log, "%s, %s: %lld more flows never finish, see summary.json", trial->scenario->name,
            sim_backend_name(trial->backend),
            (long long)(result->n_flows - result->n_finished - MAX_WARNINGS));
}

/* What finished is written also when the run was interrupted; the status says so. */
static m4_status write_all(sim_running *run, m4_status ran, m4_error *err) {
  const sim_trial *trial = &run->trial;
  m4_accuracy errors, *wanted = trial->options->compare ? &errors : NULL;
  if (wanted) M4_TRY(sim_compare(trial->scenario, run->result, wanted, err));
  M4_TRY(sim_write_results(trial->out_dir, trial->scenario, sim_backend_name(trial->backend), run->result,
                           wanted, err));
  M4_TRY(write_counters(run, err));
  M4_TRY(finish_trace(run, ran == M4_OK, err));
  warn_of_unfinished(trial, run->result);
  announce(trial, run->result, wanted);
  M4_TRY(tell_story(run, err));
  return ran;
}

static void free_running(sim_running *run) {
  sim_backend_free(run->backend);
  pkt_trace_free(run->trace);
  sim_explain_free(run->explain);
  free(run);
}

m4_status sim_trial_begin(sim_running **running, const sim_trial *trial, sim_result *result, m4_error *err) {
  sim_running *run = *running = calloc(1, sizeof *run);
  if (!run) return m4_fail(err, M4_MEMORY, trial->scenario->name, "no memory for a simulation");
  *run = (sim_running){.trial = *trial, .result = result};
  m4_status status = make_watched(run, err);
  if (status == M4_OK) status = sim_live_open(&run->live, trial->out_dir, err);
  if (status == M4_OK)
    status = sim_engine_create(&run->engine, trial->scenario, run->backend, on_completion, run, result, err);
  if (status == M4_OK) return M4_OK;
  sim_live_close(run->live, false);
  free_running(run);
  *running = NULL;
  return status;
}

m4_status sim_trial_go(sim_running *run, bool *waits, m4_error *err) {
  return sim_engine_go(run->engine, waits, err);
}

m4_status sim_trial_end(sim_running *run, m4_status status, m4_error *err) {
  status = sim_engine_end(run->engine, status, err);
  if (status == M4_OK || status == M4_INTERRUPTED) status = write_all(run, status, err);
  sim_live_close(run->live, status == M4_OK || status == M4_INTERRUPTED);
  free_running(run);
  return status;
}
