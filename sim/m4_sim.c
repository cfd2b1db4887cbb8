/* m4-sim: command line of the simulator. The work is in batch.c. */
#include "base/command.h"
#include "base/signals.h"
#include "sim/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sim_options {
  m4_text_list scenarios;
  const char *backend, *checkpoint, *out;
  bool compare, trace;
} sim_options;

/* Configuration keys under "sim." (simulation.md 11). */
typedef struct sim_config {
  char *scope, *update;
  bool link_reset, clamp;
  int64_t flowsim_header, flow_limit, hosts_per_rack;
} sim_config;

static const char *const backend_names[] = {"packet", "flowsim", "m4", NULL};
static const char *const scopes[] = {"components", "global", NULL};
static const char *const updates[] = {"both", "arrivals", NULL};

static const m4_option option_table[] = {
    {"--scenario", M4_OPTION_TEXT_LIST, offsetof(sim_options, scenarios), "DIR",
     "folder with topology.txt, flows.txt, config.txt (plain or .gz; optional params.txt with the 13 model "
     "parameters and fct.txt "
     "with true FCTs); repeatable: several run in parallel",
     NULL},
    {"--backend", M4_OPTION_TEXT, offsetof(sim_options, backend), "NAME",
     "packet: every packet, exact and slow; flowsim: max-min fair fluids, fast; m4: the learned model, needs "
     "--checkpoint",
     backend_names},
    {"--checkpoint", M4_OPTION_TEXT, offsetof(sim_options, checkpoint), "FILE",
     "weights for --backend m4 (.safetensors)", NULL},
    {"--compare", M4_OPTION_FLAG, offsetof(sim_options, compare), NULL,
     "compare with the scenario's fct.txt and put the errors into summary.json", NULL},
    {"--trace", M4_OPTION_FLAG, offsetof(sim_options, trace), NULL,
     "packet: write OUT/mix.tr, what happened to every packet at every port, in ns-3's .tr format (64 bytes "
     "per event)",
     NULL},
    {"--out", M4_OPTION_TEXT, offsetof(sim_options, out), "OUT",
     "folder for fct.txt, flows.csv and summary.json; with several scenarios one folder each below it, named "
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
    "m4-sim --scenario DIR [--scenario DIR ...] --backend packet|flowsim|m4 [--checkpoint FILE] [--compare] "
    "[--trace] "
    "--out OUT",
    "m4-sim --scenario runs/0 --backend packet --out out/truth\n"
    "m4-sim --scenario runs/0 --backend m4 --checkpoint m4.safetensors --compare --out out/m4\n"
    "m4-sim --scenario runs/0 --scenario runs/1 --backend flowsim --threads 2 --out out/flowsim\n"
    "m4-sim --scenario runs/0 --backend m4 --checkpoint m4.safetensors --set sim.scope=global --out "
    "out/global",
    option_table,
    key_table};

/* ---- checks ---- */

static m4_status check_options(const sim_options *options, const m4_common *common, m4_error *err) {
  if (options->scenarios.count == 0)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--scenario", "missing: which folder is to be simulated?"),
                   "see m4-sim --help");
  if (!options->backend)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--backend", "missing"), "packet, flowsim or m4");
  if (!options->out && !common->dry_run)
    return m4_fail(err, M4_USAGE, "--out", "missing: where do the results go?");
  if (options->trace && strcmp(options->backend, "packet") != 0)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--trace", "only the packet back end has packets to trace"),
                   "use --backend packet");
  bool learned = strcmp(options->backend, "m4") == 0;
  if (learned && !options->checkpoint)
    return m4_fail(err, M4_USAGE, "--checkpoint", "missing: --backend m4 needs weights (.safetensors)");
  if (strncmp(common->device, "cuda", 4) == 0)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--device", "simulations run on the CPU"), "use --device cpu");
  return M4_OK;
}

static sim_batch_options batch_options(const sim_options *options, const sim_config *values, bool dry_run) {
  sim_batch_options batch = {
      .out_dir = dry_run ? NULL : options->out,
      .compare = options->compare,
      .trace = options->trace,
      .learned = {.global_scope = strcmp(values->scope, "global") == 0,
                  .link_reset_off = !values->link_reset,
                  .arrivals_only = strcmp(values->update, "arrivals") == 0,
                  .clamp_off = !values->clamp},
      .flowsim = {.header_bytes = values->flowsim_header},
      .flow_limit = values->flow_limit,
      .hosts_per_rack = values->hosts_per_rack,
  };
  if (strcmp(options->backend, "packet") == 0) batch.backend = SIM_BACKEND_PACKET;
  if (strcmp(options->backend, "flowsim") == 0) batch.backend = SIM_BACKEND_FLOWSIM;
  if (strcmp(options->backend, "m4") == 0) batch.backend = SIM_BACKEND_M4;
  return batch;
}

/* ---- the run ---- */

/* Prints an error unless the batch has reported it. */
static m4_status fail_here(m4_status status, const m4_error *err) {
  if (status != M4_OK) m4_print_error(program.name, err);
  return status;
}

static m4_status simulate(const sim_options *options, const sim_config *values, const m4_common *common) {
  m4_error err = {0};
  m4_log *log = NULL;
  m4_pool *pool = NULL;
  sim_learned_model *model = NULL;
  sim_batch_options batch = batch_options(options, values, common->dry_run);
  m4_status status = m4_log_create(&log, common->quiet, NULL, &err);
  if (status == M4_OK) status = m4_pool_create(&pool, (int)common->threads, &err);
  if (status == M4_OK && options->checkpoint)
    status = sim_learned_model_load(&model, options->checkpoint, &err);
  batch.model = model;
  fail_here(status, &err);
  if (status == M4_OK) status = sim_batch_run(&options->scenarios, &batch, pool, log, &err);
  sim_learned_model_free(model);
  m4_pool_free(pool);
  m4_log_free(log);
  return status;
}

static m4_status run(const sim_options *options, const m4_common *common) {
  m4_error err = {0};
  sim_config values = {0};
  m4_config *config = NULL;
  m4_status status = m4_config_create(&config, key_table, &values, &err);
  if (status == M4_OK) status = m4_command_configure(common, config, &err);
  if (status == M4_OK && common->print_config) {
    status = m4_config_print(config, stdout, true, &err);
    fail_here(status, &err);
  } else {
    if (status == M4_OK) status = check_options(options, common, &err);
    fail_here(status, &err);
    if (status == M4_OK) status = simulate(options, &values, common);
  }
  m4_config_free(config);
  return status;
}

int main(int argc, char **argv) {
  m4_error err = {0};
  sim_options options = {0};
  m4_common common;
  bool finished;
  m4_status status =
      fail_here(m4_command_parse(&program, argc, argv, &options, &common, &finished, &err), &err);
  m4_signals_install();
  if (status == M4_OK && !finished) status = run(&options, &common);
  m4_command_free(&program, &options, &common);
  return status == M4_INTERRUPTED && m4_stop_requested() ? m4_stop_requested() : m4_exit_code(status);
}
