/* m4-sim: command line of the simulator. The work is in batch.c. */
#include "autograd/device.h"
#include "autograd/memory.h"
#include "base/command.h"
#include "base/signals.h"
#include "base/text.h"
#include "sim/batch.h"
#include "sim/default_checkpoint.h"
#include "sim/streamed.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sim_options {
  m4_text_list scenarios;
  const char *backend, *checkpoint, *dag, *out;
  bool compare, report, trace, stream;
  int64_t explain; /* NO_FLOW: no story wanted */
} sim_options;

#define NO_FLOW INT64_MIN

/* Configuration keys under "sim." (simulation.md 11). */
typedef struct sim_config {
  char *scope, *update, *gemm, *stack;
  bool link_reset, clamp;
  int64_t flowsim_header, flow_limit, hosts_per_rack;
} sim_config;

static const char *const scopes[] = {"components", "global", NULL};
static const char *const updates[] = {"both", "arrivals", NULL};

static const m4_option option_table[] = {
    {"--scenario", M4_OPTION_TEXT_LIST, offsetof(sim_options, scenarios), "DIR",
     "folder with topology.txt, flows.txt, config.txt (plain or .gz; optional params.txt with the 13 model "
     "parameters, fct.txt with true FCTs, link_changes.txt with links that fail or slow down); repeatable: "
     "several run in parallel",
     NULL},
    {"--backend", M4_OPTION_TEXT, offsetof(sim_options, backend), "NAME[,NAME...]",
     "packet: every packet, exact; flowsim: max-min fair fluids, fast; m4: the learned model, needs "
     "--checkpoint. Several run one after the other and are compared: a table, OUT/comparison.csv and .json, "
     "OUT/report.html",
     NULL},
    {"--checkpoint", M4_OPTION_TEXT, offsetof(sim_options, checkpoint), "FILE",
     "weights for --backend m4 (.safetensors); without it the compact model that comes with m4", NULL},
    {"--dag", M4_OPTION_TEXT, offsetof(sim_options, dag), "FILE",
     "flows that wait for others: lines \"FLOW DELAY_NS CAUSE...\" of flow ids, or JSON "
     "[{\"flow\": FLOW, \"delay_ns\": DELAY_NS, \"after\": [CAUSE, ...]}, ...]; FLOW starts DELAY_NS after "
     "its "
     "last cause has completed, not before its start in flows.txt",
     NULL},
    {"--compare", M4_OPTION_FLAG, offsetof(sim_options, compare), NULL,
     "compare with the scenario's fct.txt and put the errors into summary.json", NULL},
    {"--report", M4_OPTION_FLAG, offsetof(sim_options, report), NULL,
     "write OUT/report.html with its figures and link loads also for one back end", NULL},
    {"--explain", M4_OPTION_INT, offsetof(sim_options, explain), "FLOW",
     "tell one flow's story, by its id: its links, who shared them, what was expected of it after each "
     "event; on standard output (also with --quiet), in OUT/explain_FLOW.txt and .json",
     NULL},
    {"--trace", M4_OPTION_FLAG, offsetof(sim_options, trace), NULL,
     "packet: write OUT/mix.tr, what happened to every packet at every port, in ns-3's .tr format (64 bytes "
     "per event)",
     NULL},
    {"--stream", M4_OPTION_FLAG, offsetof(sim_options, stream), NULL,
     "flowsim: read flows when they start and write them when they complete, so that memory follows the "
     "flows "
     "in flight; ids must ascend in flows.txt, rows of flows.csv come in the order of completion",
     NULL},
    {"--out", M4_OPTION_TEXT, offsetof(sim_options, out), "OUT",
     "folder for fct.txt, flows.csv and summary.json (flows that never finish are listed there with the "
     "reason), "
     "with packet also counters.csv of every link; with several scenarios one folder each below it, named "
     "after DIR's last part",
     NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_key key_table[] = {
    {"sim.scope", M4_KEY_TEXT, offsetof(sim_config, scope), "components", 0, 0, scopes,
     "m4: what an event updates: the flows connected through shared links, or all active flows"},
    {"sim.update", M4_KEY_TEXT, offsetof(sim_config, update), "both", 0, 0, updates,
     "m4: events that update the state; arrivals alone is faster and less accurate"},
    {"sim.link_reset", M4_KEY_BOOL, offsetof(sim_config, link_reset), "on", 0, 0, NULL,
     "m4: a link whose last flow left returns to its initial state"},
    {"sim.clamp", M4_KEY_BOOL, offsetof(sim_config, clamp), "on", 0, 0, NULL,
     "m4: completions never lie before the clock; off lets the clock jump back, as the reference does"},
    {"sim.gemm", M4_KEY_TEXT, offsetof(sim_config, gemm), "float32", 0, 0, ag_gemm_names,
     "m4: matrix products; bf16 (and tf32 on a GPU) round their factors, sums stay float32: faster where the "
     "device has them, float32 elsewhere"},
    {"sim.stack", M4_KEY_TEXT, offsetof(sim_config, stack), "auto", 0, 0, NULL,
     "m4: scenarios whose next events are computed in one step, per thread: a number, or auto: 8 on the CPU "
     "(1 in builds with OpenBLAS), 64 on a GPU. On the CPU, but for OpenBLAS, no bit of a result depends on "
     "it"},
    {"sim.flowsim_header", M4_KEY_INT, offsetof(sim_config, flowsim_header), "0", 0, 1000, NULL,
     "flowsim: bytes added to each packet of 1000 bytes (48 as in m3)"},
    {"sim.flow_limit", M4_KEY_INT, offsetof(sim_config, flow_limit), "-1", -1, 1e9, NULL,
     "closed loop: flows in flight per rack; 0 = no limit, -1 = MAX_INFLIGHT_FLOWS of config.txt"},
    {"sim.hosts_per_rack", M4_KEY_INT, offsetof(sim_config, hosts_per_rack), "0", 0, 1e6, NULL,
     "closed loop: hosts that share a limit; 0 = N_CLIENTS_PER_RACK_FOR_CLOSED_LOOP of config.txt"},
    {NULL, M4_KEY_INT, 0, NULL, 0, 0, NULL, NULL}};

static const m4_program program = {
    "m4-sim",
    "simulates flows on a network and writes their completion times",
    "m4-sim --scenario DIR [--scenario DIR ...] --backend packet|flowsim|m4[,...] [--checkpoint FILE] "
    "[--dag FILE] [--compare] [--report] [--explain FLOW] [--trace] [--stream] --out OUT",
    "m4-sim --scenario runs/0 --backend packet --out out/truth\n"
    "m4-sim --scenario runs/0 --backend m4 --checkpoint m4.safetensors --compare --out out/m4\n"
    "m4-sim --scenario runs/0 --backend packet,flowsim,m4 --checkpoint m4.safetensors --out out/all\n"
    "m4-sim --scenario runs/0 --scenario runs/1 --backend flowsim --threads 2 --out out/flowsim\n"
    "m4-sim --scenario runs/0 --backend m4 --checkpoint m4.safetensors --set sim.scope=global --out "
    "out/global",
    option_table,
    key_table};

/* ---- checks ---- */

static m4_status unknown_backend(const char *name, size_t length, m4_error *err) {
  char word[64];
  snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), name);
  m4_nearest nearest = m4_nearest_to(word);
  for (int kind = 0; kind < SIM_N_BACKENDS; kind++)
    m4_nearest_offer(&nearest, sim_backend_name((sim_backend_kind)kind));
  m4_status status = m4_fail(err, M4_USAGE, "--backend", "\"%s\" is none of packet, flowsim, m4", word);
  return m4_nearest_is_close(&nearest) ? m4_hint(err, status, "did you mean \"%s\"?", nearest.name) : status;
}

static m4_status add_backend(sim_batch_options *batch, const char *name, size_t length, m4_error *err) {
  for (int i = 0; i < SIM_N_BACKENDS; i++) {
    sim_backend_kind kind = (sim_backend_kind)i;
    if (strlen(sim_backend_name(kind)) != length || strncmp(sim_backend_name(kind), name, length) != 0)
      continue;
    for (int other = 0; other < batch->n_backends; other++)
      if (batch->backends[other] == kind)
        return m4_fail(err, M4_USAGE, "--backend", "%s is named twice", sim_backend_name(kind));
    batch->backends[batch->n_backends++] = kind;
    return M4_OK;
  }
  return unknown_backend(name, length, err);
}

/* "flowsim,m4" */
static m4_status parse_backends(sim_batch_options *batch, const char *list, m4_error *err) {
  if (!list) return m4_hint(err, m4_fail(err, M4_USAGE, "--backend", "missing"), "packet, flowsim or m4");
  for (;;) {
    size_t length = strcspn(list, ",");
    M4_TRY(add_backend(batch, list, length, err));
    if (!list[length]) return M4_OK;
    list += length + 1;
  }
}

static bool uses(const sim_batch_options *batch, sim_backend_kind kind) {
  for (int i = 0; i < batch->n_backends; i++)
    if (batch->backends[i] == kind) return true;
  return false;
}

/* What is forgotten when it is done cannot be looked at together. */
static m4_status check_stream(const sim_options *options, const sim_batch_options *batch, m4_error *err) {
  if (batch->n_backends > 1 || !uses(batch, SIM_BACKEND_FLOWSIM) || options->scenarios.count > 1)
    return m4_fail(err, M4_USAGE, "--stream", "takes one scenario through flowsim alone");
  if (options->compare || options->report || options->dag || options->explain != NO_FLOW)
    return m4_fail(err, M4_USAGE, "--stream", "does not go with --compare, --report, --dag or --explain");
  return M4_OK;
}

static m4_status check_options(const sim_options *options, const m4_common *common,
                               const sim_batch_options *batch, m4_error *err) {
  if (!options->out && !common->dry_run)
    return m4_fail(err, M4_USAGE, "--out", "missing: where do the results go?");
  if (options->dag && options->scenarios.count > 1)
    return m4_fail(err, M4_USAGE, "--dag", "names flows of one scenario, not of %zu",
                   options->scenarios.count);
  if (options->trace && !uses(batch, SIM_BACKEND_PACKET))
    return m4_hint(err, m4_fail(err, M4_USAGE, "--trace", "only the packet back end has packets to trace"),
                   "use --backend packet");
  if (options->trace && options->explain != NO_FLOW)
    return m4_fail(err, M4_USAGE, "--explain", "one run gives a story or a trace, not both");
  if (strncmp(common->device, "cuda", 4) == 0 && !uses(batch, SIM_BACKEND_M4))
    return m4_fail(err, M4_USAGE, "--device", "%.64s: only the m4 back end runs on a GPU", common->device);
  return options->stream ? check_stream(options, batch, err) : M4_OK;
}

/* "auto" (0) or a number. */
static m4_status parse_stack(const char *text, int64_t *stack, m4_error *err) {
  enum { MOST = 4096 };
  *stack = 0;
  if (strcmp(text, "auto") == 0) return M4_OK;
  if (m4_parse_int(text, stack) == M4_NUMBER_OK && *stack >= 1 && *stack <= MOST) return M4_OK;
  return m4_fail(err, M4_USAGE, "sim.stack", "\"%.64s\" is neither auto nor a number from 1 to %d", text,
                 MOST);
}

static m4_status make_batch(sim_batch_options *batch, const sim_options *options, const sim_config *values,
                            const m4_common *common, m4_error *err) {
  *batch = (sim_batch_options){
      .out_dir = common->dry_run ? NULL : options->out,
      .trial = {.compare = options->compare,
                .trace = options->trace,
                .explain = options->explain != NO_FLOW,
                .explain_id = options->explain,
                .explain_out = stdout,
                .learned = {.global_scope = strcmp(values->scope, "global") == 0,
                            .link_reset_off = !values->link_reset,
                            .arrivals_only = strcmp(values->update, "arrivals") == 0,
                            .clamp_off = !values->clamp},
                .flowsim = {.header_bytes = values->flowsim_header}},
      .dag_path = options->dag,
      .flow_limit = values->flow_limit,
      .hosts_per_rack = values->hosts_per_rack,
  };
  if (options->scenarios.count == 0)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--scenario", "missing: which folder is to be simulated?"),
                   "see m4-sim --help");
  M4_TRY(parse_backends(batch, options->backend, err));
  M4_TRY(parse_stack(values->stack, &batch->stack, err));
  batch->report = options->report || batch->n_backends > 1;
  return check_options(options, common, batch, err);
}

/* ---- the run ---- */

/* Prints an error unless the batch has reported it. */
static m4_status fail_here(m4_status status, const m4_error *err) {
  if (status != M4_OK) m4_print_error(program.name, err);
  return status;
}

/* Where the model runs, and a line when that is not what could be expected. */
static m4_status open_device(const ag_backend **backend, const char *device, const char *gemm, m4_log *log,
                             m4_error *err) {
  const char *why;
  M4_TRY(ag_device_open_with(backend, device, ag_gemm_named(gemm), &why, err));
  if (strcmp(device, "auto") == 0 && ag_on_host(*backend)) {
    m4_info(log, "%s; the model runs on the CPU", why);
    M4_TRY(ag_device_open_with(backend, "cpu", ag_gemm_named(gemm), &why, err));
  }
  if (why) m4_warn(log, "sim.gemm: %s", why);
  return M4_OK;
}

/* The weights of --checkpoint, or those that come with m4. */
static m4_status load_model(sim_learned_model **model, const char *checkpoint, const char *device,
                            const char *gemm, m4_log *log, m4_error *err) {
  char path[PATH_MAX];
  const ag_backend *backend;
  M4_TRY(open_device(&backend, device, gemm, log, err));
  if (!checkpoint) {
    M4_TRY(sim_default_checkpoint(path, sizeof path, err));
    m4_info(log, "weights: %s (the ones that come with m4)", path);
  }
  M4_TRY(sim_learned_model_load_on(model, backend, checkpoint ? checkpoint : path, err));
  m4_cost cost = sim_learned_model_cost(*model);
  m4_info(log, "cost of an event: %.0f multiply-accumulates a flow, %.0f a link it touches", cost.per_flow,
          cost.per_link);
  return M4_OK;
}

static m4_status simulate(const sim_options *options, sim_batch_options *batch, const char *gemm,
                          const m4_common *common) {
  m4_error err = {0};
  m4_log *log = NULL;
  m4_pool *pool = NULL;
  sim_learned_model *model = NULL;
  m4_status status = m4_log_create(&log, common->quiet, NULL, &err);
  if (status == M4_OK) status = m4_pool_create(&pool, (int)common->threads, &err);
  if (status == M4_OK && uses(batch, SIM_BACKEND_M4))
    status = load_model(&model, options->checkpoint, common->device, gemm, log, &err);
  batch->trial.model = model;
  fail_here(status, &err);
  if (status == M4_OK) status = sim_batch_run(&options->scenarios, batch, pool, log, &err);
  sim_learned_model_free(model);
  m4_pool_free(pool);
  m4_log_free(log);
  return status;
}

static m4_status simulate_stream(const sim_options *options, const sim_batch_options *batch,
                                 const m4_common *common) {
  m4_error err = {0};
  m4_log *log = NULL;
  const sim_streamed_options streamed = {.scenario_dir = options->scenarios.items[0],
                                         .out_dir = batch->out_dir,
                                         .flowsim = batch->trial.flowsim,
                                         .flow_limit = batch->flow_limit,
                                         .hosts_per_rack = batch->hosts_per_rack};
  m4_status status = m4_log_create(&log, common->quiet, NULL, &err);
  if (status == M4_OK) status = sim_streamed_run(&streamed, log, &err);
  m4_log_free(log);
  return status == M4_INTERRUPTED ? status : fail_here(status, &err);
}

static m4_status run(const sim_options *options, const m4_common *common) {
  m4_error err = {0};
  sim_config values = {0};
  sim_batch_options batch;
  m4_config *config = NULL;
  m4_status status = m4_config_create(&config, key_table, &values, &err);
  if (status == M4_OK) status = m4_command_configure(common, config, &err);
  if (status == M4_OK && common->print_config) {
    status = m4_config_print(config, stdout, true, &err);
    fail_here(status, &err);
  } else {
    if (status == M4_OK) status = make_batch(&batch, options, &values, common, &err);
    fail_here(status, &err);
    if (status == M4_OK)
      status = options->stream ? simulate_stream(options, &batch, common)
                               : simulate(options, &batch, values.gemm, common);
  }
  m4_config_free(config);
  return status;
}

int main(int argc, char **argv) {
  m4_error err = {0};
  sim_options options = {.explain = NO_FLOW};
  m4_common common;
  bool finished;
  m4_status status =
      fail_here(m4_command_parse(&program, argc, argv, &options, &common, &finished, &err), &err);
  m4_signals_install();
  if (status == M4_OK && !finished) status = run(&options, &common);
  m4_command_free(&program, &options, &common);
  return status == M4_INTERRUPTED && m4_stop_requested() ? m4_stop_requested() : m4_exit_code(status);
}
