/* m4-datagen: command line of the data generator. */
#include "base/command.h"
#include "base/ranks.h"
#include "base/signals.h"
#include "datagen/campaign.h"
#include "datagen/import/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct datagen_options {
  const char *out, *keep_ns3, *mix, *write_mix;
  dg_import_options import;
} datagen_options;

static const m4_option option_table[] = {
    {"--out", M4_OPTION_TEXT, offsetof(datagen_options, out), "DIR", "folder of the shards (key output)",
     NULL},
    {"--mix", M4_OPTION_TEXT, offsetof(datagen_options, mix), "FILE",
     "one scenario per entry of a mix file, or of a published set (key mix)", NULL},
    {"--write-mix", M4_OPTION_TEXT, offsetof(datagen_options, write_mix), "NAME",
     "writes a published mix (eval_train, eval_test, ...) as JSON to the file --out", NULL},
    {"--keep-ns3", M4_OPTION_TEXT, offsetof(datagen_options, keep_ns3), "DIR",
     "also write every scenario as an ns-3 folder DIR/NAME (keys write_ns3_folders, ns3_output)", NULL},
    {"--from-ns3", M4_OPTION_TEXT_LIST, offsetof(datagen_options, import.from_ns3), "DIR",
     "makes the dataset from an ns-3 folder, or from all in a folder; may be repeated", NULL},
    {"--from-npy", M4_OPTION_TEXT_LIST, offsetof(datagen_options, import.from_npy), "DIR",
     "makes the dataset from the reference's folders of .npy files; may be repeated", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-datagen",
    "draws scenarios, simulates them packet by packet and writes a dataset for m4-train",
    "m4-datagen --config campaign.yaml [--out DIR] [--keep-ns3 DIR] [--set key=value]\n"
    "       m4-datagen --mix FILE|NAME [--out DIR] [--set key=value]\n"
    "       m4-datagen --write-mix NAME --out FILE.json\n"
    "       m4-datagen --from-ns3 DIR [--from-ns3 DIR ...] --out DIR\n"
    "       m4-datagen --from-npy DIR [--from-npy DIR ...] --out DIR",
    "m4-datagen --config configs/datagen-demo.yaml --out datasets/demo\n"
    "m4-datagen --config configs/datagen-train.yaml --out datasets/train --threads 16\n"
    "m4-datagen --config configs/datagen-train.yaml --out datasets/train --dry-run\n"
    "m4-datagen --config configs/datagen-demo.yaml --out datasets/more --seed 7 --keep-ns3 "
    "datasets/more-ns3\n"
    "m4-datagen --write-mix eval_train --out eval_train.mix.json\n"
    "m4-datagen --mix eval_train.mix.json --set scenarios=100 --out datasets/first\n"
    "mpirun -n 4 m4-datagen --config configs/datagen-train.yaml --out datasets/train --threads 4\n"
    "m4-datagen --from-ns3 datasets/more-ns3 --out datasets/again",
    option_table,
    dg_campaign_keys};

static m4_status configure(m4_config *config, const datagen_options *options, const m4_common *common,
                           m4_error *err) {
  M4_TRY(m4_command_configure(common, config, err));
  M4_TRY(m4_config_set_text(config, "output", options->out, err));
  M4_TRY(m4_config_set_text(config, "ns3_output", options->keep_ns3, err));
  M4_TRY(m4_config_set_text(config, "mix", options->mix, err));
  if (options->keep_ns3) M4_TRY(m4_config_set(config, "write_ns3_folders=true", err));
  return m4_command_seed(common, config, "seed", err);
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

static void print_report(m4_log *log, const dg_campaign *campaign, const dg_campaign_report *report) {
  m4_info(log, "%lld scenarios, %lld flows, %lld busy periods in %.1f s -> %s",
          (long long)report->n_scenarios, (long long)report->n_flows, (long long)report->n_periods,
          report->seconds, campaign->config->output);
  if (report->n_unfinished > 0)
    m4_warn(log,
            "%lld flows never finished; training leaves their scenarios out (m4-sim --backend packet on an "
            "ns-3 folder tells why, --set write_ns3_folders=true)",
            (long long)report->n_unfinished);
}

static m4_status check_output(const dg_campaign_config *settings, const m4_common *common, m4_error *err) {
  if (settings->output[0] || common->dry_run) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_USAGE, "output", "no folder is given for the dataset"),
                 "use --out DIR");
}

/* Under mpirun only the first rank shows how things go. */
static m4_status generate(const dg_campaign *campaign, m4_ranks *ranks, const m4_common *common,
                          m4_error *err) {
  m4_log *log = NULL;
  m4_pool *pool = NULL;
  dg_campaign_report report = {0};
  M4_TRY(m4_log_create(&log, common->quiet || m4_ranks_index(ranks) > 0, NULL, err));
  m4_status status = m4_pool_create(&pool, (int)common->threads, err);
  if (status == M4_OK) status = dg_campaign_run(campaign, ranks, pool, log, &report, err);
  if (status == M4_OK && m4_ranks_index(ranks) == 0) print_report(log, campaign, &report);
  m4_pool_free(pool);
  m4_log_free(log);
  return status;
}

static m4_status run_campaign(m4_config *config, const dg_campaign_config *settings, m4_ranks *ranks,
                              const m4_common *common, m4_error *err) {
  char *identity = NULL;
  dg_campaign *campaign = NULL;
  m4_status status = dg_campaign_open(&campaign, settings, config, err);
  if (status == M4_OK) status = identify(&identity, config, settings, err);
  if (status == M4_OK) status = dg_campaign_identify(campaign, identity, err);
  status = m4_ranks_agree(ranks, status, err);
  if (status == M4_OK && common->dry_run && m4_ranks_index(ranks) == 0)
    status = dg_campaign_plan(campaign, stdout, err);
  if (status == M4_OK && !common->dry_run) status = generate(campaign, ranks, common, err);
  dg_campaign_close(campaign);
  free(identity);
  return status;
}

static m4_status write_mix(const datagen_options *options, m4_error *err) {
  dg_mix *mix;
  if (!options->out) return m4_fail(err, M4_USAGE, "--write-mix", "needs --out FILE.json");
  M4_TRY(dg_mix_published(&mix, options->write_mix, err));
  m4_status status = dg_mix_write(mix, options->out, err);
  dg_mix_free(mix);
  return status;
}

static m4_status prepare(m4_config *config, const dg_campaign_config *settings,
                         const datagen_options *options, m4_ranks *ranks, const m4_common *common,
                         m4_error *err) {
  bool import = dg_import_wanted(&options->import);
  M4_TRY(configure(config, options, common, err));
  if (common->print_config) return M4_OK;
  if (!import) M4_TRY(dg_campaign_check(settings, config, err));
  if (import && m4_ranks_count(ranks) > 1)
    return m4_fail(err, M4_USAGE, "mpirun", "an import runs as one process");
  return check_output(settings, common, err);
}

static m4_status run(m4_config *config, const dg_campaign_config *settings, const datagen_options *options,
                     m4_ranks *ranks, const m4_common *common, m4_error *err) {
  if (options->write_mix)
    return m4_ranks_agree(ranks, m4_ranks_index(ranks) == 0 ? write_mix(options, err) : M4_OK, err);
  M4_TRY(m4_ranks_agree(ranks, prepare(config, settings, options, ranks, common, err), err));
  if (common->print_config)
    return m4_ranks_index(ranks) == 0 ? m4_config_print(config, stdout, true, err) : M4_OK;
  if (dg_import_wanted(&options->import))
    return dg_import_command(&options->import, settings, common, stdout, err);
  return run_campaign(config, settings, ranks, common, err);
}

/* Ctrl-C is not a mistake: one calm line instead of an error. */
static int leave(m4_status status, const m4_error *error, bool import, bool speaks) {
  if (status == M4_INTERRUPTED) {
    if (speaks)
      fprintf(stderr, "m4-datagen: interrupted; finished shards are kept%s\n",
              import ? "" : ", run the same command again to continue");
    return m4_stop_requested() ? m4_stop_requested() : m4_exit_code(status);
  }
  if (status != M4_OK && speaks) m4_print_error("m4-datagen", error);
  return m4_exit_code(status);
}

int main(int argc, char **argv) {
  datagen_options options = {0};
  m4_common common = {0};
  m4_error error = {0};
  dg_campaign_config settings = {0};
  m4_config *config = NULL;
  m4_ranks *ranks = NULL;
  bool finished = false;
  m4_signals_install();
  m4_status status = m4_command_parse(&program, argc, argv, &options, &common, &finished, &error);
  if (status == M4_OK && !finished) status = m4_ranks_join(&ranks, &error);
  if (status == M4_OK && !finished) status = m4_config_create(&config, dg_campaign_keys, &settings, &error);
  if (status == M4_OK && !finished) status = run(config, &settings, &options, ranks, &common, &error);
  bool import = dg_import_wanted(&options.import), speaks = m4_ranks_speaks(ranks, status);
  m4_ranks_leave(ranks, status);
  m4_config_free(config);
  m4_command_free(&program, &options, &common);
  return leave(status, &error, import, speaks);
}
