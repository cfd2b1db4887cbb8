/* m4-data export: one scenario or busy period in files that other programs read. */
#include "base/program.h"
#include "data/export.h"
#include "data/m4_data.h"

#include <stdio.h>
#include <string.h>

static const size_t ARENA_BYTES = (size_t)8 << 30;

typedef struct export_options {
  const char *dataset, *scenario, *out, *format;
  int64_t period;
} export_options;

static const char *const formats[] = {"csv", "json", "ns3", NULL};

static const m4_option option_table[] = {
    {"--dataset", M4_OPTION_TEXT, offsetof(export_options, dataset), "PATH", "dataset shard or folder", NULL},
    {"--scenario", M4_OPTION_TEXT, offsetof(export_options, scenario), "NAME", "which scenario", NULL},
    {"--period", M4_OPTION_INT, offsetof(export_options, period), "N",
     "only busy period N of it, from 0 (default: everything)", NULL},
    {"--format", M4_OPTION_TEXT, offsetof(export_options, format), "NAME",
     "csv: flows, events, received bytes, links; json: the same in one file; ns3: topology.txt, flows.txt "
     "and "
     "params.txt for a packet simulator, without the source ports, which a dataset does not know (default "
     "csv)",
     formats},
    {"--out", M4_OPTION_TEXT, offsetof(export_options, out), "DIR", "folder of the files", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-data export",
    "writes one scenario or busy period of a dataset as csv, json or ns-3 files",
    "m4-data export --dataset PATH --scenario NAME [--period N] [--format csv|json|ns3] --out DIR",
    "m4-data export --dataset datasets/train --scenario s00012 --out out\n"
    "m4-data export --dataset datasets/train --scenario s00012 --period 3 --format json --out out\n"
    "m4-data export --dataset datasets/train --scenario s00012 --format ns3 --out scenarios/s00012",
    option_table,
    NULL};

static m4_status check_options(const export_options *options, m4_error *err) {
  const struct {
    const char *name, *value, *hint;
  } needed[] = {{"--dataset", options->dataset, "--dataset PATH"},
                {"--scenario", options->scenario, "--scenario NAME"},
                {"--out", options->out, "--out DIR"}};
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; ++i)
    if (!needed[i].value)
      return m4_hint(err, m4_fail(err, M4_USAGE, needed[i].name, "is not given"), "%s", needed[i].hint);
  return M4_OK;
}

static m4_status find_scenario(int32_t *scenario, const ds_dataset *dataset, const char *name,
                               m4_error *err) {
  *scenario = ds_find_scenario(dataset, name);
  if (*scenario >= 0) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_USAGE, "--scenario", "\"%.128s\" is not in the dataset", name),
                 "the first of %d is called %.128s", ds_n_scenarios(dataset), ds_scenario_name(dataset, 0));
}

static m4_status export(ds_dataset *dataset, const export_options *options, m4_arena *arena, m4_error *err) {
  int32_t scenario;
  ds_scenario facts;
  ds_events events;
  ds_selection selection;
  M4_TRY(find_scenario(&scenario, dataset, options->scenario, err));
  M4_TRY(ds_read_scenario(dataset, scenario, arena, &facts, err));
  M4_TRY(ds_order_events(&events, &facts, arena, err));
  M4_TRY(ds_select(&selection, &facts, &events, options->period, arena, err));
  if (strcmp(options->format, "json") == 0) return ds_export_json(&selection, options->out, arena, err);
  if (strcmp(options->format, "ns3") == 0) return ds_export_ns3(&selection, options->out, arena, err);
  return ds_export_csv(&selection, options->out, arena, err);
}

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  (void)common;
  const export_options *options = target;
  m4_arena arena = {0};
  ds_dataset *dataset = NULL;
  M4_TRY(check_options(options, err));
  M4_TRY(ds_open(&dataset, options->dataset, err));
  m4_status status = m4_arena_init(&arena, ARENA_BYTES, err);
  if (status == M4_OK) status = export(dataset, options, &arena, err);
  m4_arena_free(&arena);
  ds_close(dataset);
  return status;
}

int m4_data_export(int argc, char **argv) {
  export_options options = {.period = -1, .format = "csv"};
  return m4_main(&program, run, &options, argc, argv);
}
