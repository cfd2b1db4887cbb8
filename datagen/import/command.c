/* m4-datagen --from-ns3, --from-npy: finding folders, importing, reporting. */
#include "datagen/import/command.h"

#include "datagen/import/import.h"
#include "datagen/import/npy.h"
#include "datagen/import/ns3.h"

bool dg_import_wanted(const dg_import_options *options) {
  return options->from_ns3.count > 0 || options->from_npy.count > 0;
}

static void print_plan(const dg_import *import, FILE *out) {
  fprintf(out, "scenarios   %zu\n", import->folders->count);
  for (size_t i = 0; i < import->folders->count; ++i)
    fprintf(out, "%-11s %s\n", import->folders->items[i].name, import->folders->items[i].path);
}

static m4_status run_import(const dg_import *import, const m4_common *common, m4_error *err) {
  m4_log *log = NULL;
  m4_pool *pool = NULL;
  dg_import_report report = {0};
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = m4_pool_create(&pool, (int)common->threads, err);
  if (status == M4_OK) status = dg_import_run(import, pool, log, &report, err);
  if (status == M4_OK)
    m4_info(log, "%lld scenarios, %lld flows, %lld busy periods -> %s", (long long)report.n_scenarios,
            (long long)report.n_flows, (long long)report.n_periods, import->output);
  if (status == M4_OK && report.n_unfinished > 0)
    m4_warn(log, "%lld flows never finished; training leaves their scenarios out",
            (long long)report.n_unfinished);
  m4_pool_free(pool);
  m4_log_free(log);
  return status;
}

m4_status dg_import_command(const dg_import_options *options, const dg_campaign_config *settings,
                            const m4_common *common, FILE *plan, m4_error *err) {
  bool npy = options->from_npy.count > 0;
  if (npy && options->from_ns3.count > 0)
    return m4_fail(err, M4_USAGE, "--from-npy", "not together with --from-ns3");
  dg_folders folders = {0};
  dg_import import = {.source = npy ? "npy" : "ns3",
                      .read = npy ? dg_import_npy : dg_import_ns3,
                      .folders = &folders,
                      .output = settings->output,
                      .scenarios_per_shard = settings->scenarios_per_shard};
  const m4_text_list *dirs = npy ? &options->from_npy : &options->from_ns3;
  m4_status status = dg_folders_find(&folders, (const char *const *)dirs->items, dirs->count,
                                     npy ? dg_is_npy_folder : dg_is_ns3_folder, err);
  if (status == M4_OK && common->dry_run)
    print_plan(&import, plan);
  else if (status == M4_OK)
    status = run_import(&import, common, err);
  dg_folders_free(&folders);
  return status;
}
