/* m4-datagen: command line of the data generator. */
#include "base/command.h"
#include "base/signals.h"
#include "datagen/campaign.h"
#include "datagen/import/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct datagen_options {
  const char *out, *keep_ns3;
  dg_import_options import;
} datagen_options;

static const m4_option option_table[] = {
    {"--out", M4_OPTION_TEXT, offsetof(datagen_options, out), "DIR", "folder of the shards (key output)",
     NULL},
    {"--keep-ns3", M4_OPTION_TEXT, offsetof(datagen_options, keep_ns3), "DIR",
     "also write every scenario as an ns-3 folder DIR/NAME (keys write_ns3_folders, ns3_output)", NULL},
    {"--from-ns3", M4_OPTION_TEXT_LIST, offsetof(datagen_options, import.from_ns3), "DIR",
     "makes the dataset from an ns-3 folder, or from all in a folder; may be repeated", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-datagen",
    "draws scenarios, simulates them packet by packet and writes a dataset for m4-train",
    "m4-datagen --config campaign.yaml [--out DIR] [--keep-ns3 DIR] [--set key=value]\n"
    "       m4-datagen --from-ns3 DIR [--from-ns3 DIR ...] --out DIR",
    "m4-datagen --config configs/datagen-demo.yaml --out datasets/demo\n"
    "m4-datagen --config configs/datagen-train.yaml --out datasets/train --threads 16\n"
    "m4-datagen --config configs/datagen-train.yaml --out datasets/train --dry-run\n"
    "m4-datagen --config configs/datagen-demo.yaml --out datasets/more --seed 7 --keep-ns3 "
    "datasets/more-ns3\n"
    "m4-datagen --from-ns3 datasets/more-ns3 --out datasets/again",
    option_table,
    dg_campaign_keys};

static m4_status configure(m4_config *config, const datagen_options *options, const m4_common *common,
                           m4_error *err) {
  M4_TRY(m4_command_configure(common, config, err));
  M4_TRY(m4_config_set_text(config, "output", options->out, err));
  M4_TRY(m4_config_set_text(config, "ns3_output", options->keep_ns3, err));
  if (options->keep_ns3) M4_TRY(m4_config_set(config, "write_ns3_folders=true", err));
  if (common->seed < 0) return M4_OK;
  char number[32];
  snprintf(number, sizeof number, "seed=%lld", (long long)common->seed);
  return m4_config_set(config, number, err);
}

/* Prints the configuration into *identity. */
static m4_status print_identity(char **identity, const m4_config *config, m4_error *err) {
  size_t length;
  FILE *stream = open_memstream(identity, &length);
  if (!stream) return m4_fail(err, M4_MEMORY, NULL, "no memory for the configuration");
  m4_status status = m4_config_print(config, stream, false, err);
  fclose(stream);
  return status;
}

/* The configuration without the folders: what is generated does not depend on where it is put. */
static m4_status identify(char **identity, m4_config *config, const dg_campaign_config *campaign,
                          m4_error *err) {
  char *output = strdup(campaign->output), *ns3_output = strdup(campaign->ns3_output);
  m4_status status = M4_OK;
  if (!output || !ns3_output) status = m4_fail(err, M4_MEMORY, NULL, "no memory for the configuration");
  if (status == M4_OK) status = m4_config_set(config, "output=''", err);
  if (status == M4_OK) status = m4_config_set(config, "ns3_output=''", err);
  if (status == M4_OK) status = print_identity(identity, config, err);
  if (status == M4_OK) status = m4_config_set_text(config, "output", output, err);
  if (status == M4_OK) status = m4_config_set_text(config, "ns3_output", ns3_output, err);
  free(output);
  free(ns3_output);
  return status;
}

static void print_plan(const dg_campaign *campaign) {
  const dg_campaign_config *config = campaign->config;
  printf("scenarios   %lld with %lld flows each, %lld flows in all\n", (long long)config->n_scenarios,
         (long long)config->n_flows, (long long)(config->n_scenarios * config->n_flows));
  printf("fabric      %lld hosts (%lld pods x %lld racks x %lld hosts)\n",
         (long long)(config->pods * config->racks_per_pod * config->hosts_per_rack), (long long)config->pods,
         (long long)config->racks_per_pod, (long long)config->hosts_per_rack);
  printf("drawn from  %zu matrices, %llu size tables, %zu congestion controls\n", config->matrices.count,
         (unsigned long long)campaign->n_size_tables, config->cc.count);
  printf("shards      %lld, about %.1f MB in all\n", (long long)dg_campaign_shards(config),
         (double)dg_campaign_bytes(config) * 1e-6);
  printf("output      %s\n", config->output[0] ? config->output : "(not given)");
}

static void print_report(m4_log *log, const dg_campaign *campaign, const dg_campaign_report *report) {
  m4_info(log, "%lld scenarios, %lld flows, %lld busy periods in %.1f s -> %s",
          (long long)report->n_scenarios, (long long)report->n_flows, (long long)report->n_periods,
          report->seconds, campaign->config->output);
  if (report->n_unfinished > 0)
    m4_warn(log, "%lld flows never finished; training leaves their scenarios out",
            (long long)report->n_unfinished);
}

static m4_status check_output(const dg_campaign_config *settings, const m4_common *common, m4_error *err) {
  if (settings->output[0] || common->dry_run) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_USAGE, "output", "no folder is given for the dataset"),
                 "use --out DIR");
}

static m4_status generate(const dg_campaign *campaign, const m4_common *common, m4_error *err) {
  m4_log *log = NULL;
  m4_pool *pool = NULL;
  dg_campaign_report report = {0};
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = m4_pool_create(&pool, (int)common->threads, err);
  if (status == M4_OK) status = dg_campaign_run(campaign, pool, log, &report, err);
  if (status == M4_OK) print_report(log, campaign, &report);
  m4_pool_free(pool);
  m4_log_free(log);
  return status;
}

static m4_status run_campaign(m4_config *config, const dg_campaign_config *settings, const m4_common *common,
                              m4_error *err) {
  char *identity = NULL;
  m4_status status = identify(&identity, config, settings, err);
  dg_campaign *campaign = NULL;
  if (status == M4_OK) status = dg_campaign_open(&campaign, settings, identity, err);
  if (status == M4_OK && common->dry_run) print_plan(campaign);
  if (status == M4_OK && !common->dry_run) status = generate(campaign, common, err);
  dg_campaign_close(campaign);
  free(identity);
  return status;
}

static m4_status run(m4_config *config, const dg_campaign_config *settings, const datagen_options *options,
                     const m4_common *common, m4_error *err) {
  bool import = dg_import_wanted(&options->import);
  M4_TRY(configure(config, options, common, err));
  if (!import) M4_TRY(dg_campaign_check(settings, config, err));
  if (common->print_config) return m4_config_print(config, stdout, true, err);
  M4_TRY(check_output(settings, common, err));
  if (import) return dg_import_command(&options->import, settings, common, stdout, err);
  return run_campaign(config, settings, common, err);
}

/* Ctrl-C is not a mistake: one calm line instead of an error. */
static int leave(m4_status status, const m4_error *error, bool import) {
  if (status == M4_INTERRUPTED) {
    fprintf(stderr, "m4-datagen: interrupted; finished shards are kept%s\n",
            import ? "" : ", run the same command again to continue");
    return m4_stop_requested() ? m4_stop_requested() : m4_exit_code(status);
  }
  if (status != M4_OK) m4_print_error("m4-datagen", error);
  return m4_exit_code(status);
}

int main(int argc, char **argv) {
  datagen_options options = {0};
  m4_common common = {0};
  m4_error error = {0};
  dg_campaign_config settings = {0};
  m4_config *config = NULL;
  bool finished = false;
  m4_signals_install();
  m4_status status = m4_command_parse(&program, argc, argv, &options, &common, &finished, &error);
  if (status == M4_OK && !finished) status = m4_config_create(&config, dg_campaign_keys, &settings, &error);
  if (status == M4_OK && !finished) status = run(config, &settings, &options, &common, &error);
  bool import = dg_import_wanted(&options.import);
  m4_config_free(config);
  m4_command_free(&program, &options, &common);
  return leave(status, &error, import);
}
