/* The hparams tab of TensorBoard. Knows the writer. */
#include "train/tfevents/writer_internal.h"

#include <errno.h>
#include <stdlib.h>

/* A value of the hparams plugin: its content is a message of its own, packed into the metadata. */
static void put_hparams_value(tfe_writer *writer, const char *tag, Tfe__HParamsPluginData *content) {
  size_t length = tfe__hparams_plugin_data__get_packed_size(content);
  unsigned char *packed = malloc(length ? length : 1);
  if (!packed) {
    tfe_fail(writer, ENOMEM);
    return;
  }
  tfe__hparams_plugin_data__pack(content, packed);
  Tfe__PluginData plugin = TFE__PLUGIN_DATA__INIT;
  Tfe__SummaryMetadata metadata = TFE__SUMMARY_METADATA__INIT;
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  plugin.content.data = packed;
  plugin.content.len = length;
  tfe_set_plugin(&entry, &metadata, &plugin, "hparams");
  entry.tag = (char *)tag;
  tfe_put_value(writer, 0, &entry);
  free(packed);
}

static Tfe__HParamInfo__DataType type_of(tfe_kind kind) {
  switch (kind) {
  case TFE_NUMBER:
    return TFE__HPARAM_INFO__DATA_TYPE__FLOAT64;
  case TFE_TEXT:
    return TFE__HPARAM_INFO__DATA_TYPE__STRING;
  case TFE_BOOL:
    return TFE__HPARAM_INFO__DATA_TYPE__BOOL;
  }
  return TFE__HPARAM_INFO__DATA_TYPE__UNSET;
}

static void put_experiment(tfe_writer *writer, const tfe_hparam *hparams, size_t count,
                           const char *const *metric_tags, size_t n_metrics) {
  Tfe__HParamInfo *infos = calloc(count + 1, sizeof *infos);
  Tfe__HParamInfo **info_list = calloc(count + 1, sizeof *info_list);
  Tfe__MetricInfo *metrics = calloc(n_metrics + 1, sizeof *metrics);
  Tfe__MetricName *names = calloc(n_metrics + 1, sizeof *names);
  Tfe__MetricInfo **metric_list = calloc(n_metrics + 1, sizeof *metric_list);
  if (infos && info_list && metrics && names && metric_list) {
    for (size_t i = 0; i < count; ++i) {
      tfe__hparam_info__init(&infos[i]);
      infos[i].name = (char *)hparams[i].name;
      infos[i].type = type_of(hparams[i].kind);
      info_list[i] = &infos[i];
    }
    for (size_t i = 0; i < n_metrics; ++i) {
      tfe__metric_name__init(&names[i]);
      names[i].tag = (char *)metric_tags[i];
      tfe__metric_info__init(&metrics[i]);
      metrics[i].name = &names[i];
      metric_list[i] = &metrics[i];
    }
    Tfe__Experiment experiment = TFE__EXPERIMENT__INIT;
    Tfe__HParamsPluginData content = TFE__HPARAMS_PLUGIN_DATA__INIT;
    experiment.time_created_secs = tfe_now_seconds();
    experiment.n_hparam_infos = count;
    experiment.hparam_infos = info_list;
    experiment.n_metric_infos = n_metrics;
    experiment.metric_infos = metric_list;
    content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_EXPERIMENT;
    content.experiment = &experiment;
    put_hparams_value(writer, "_hparams_/experiment", &content);
  } else {
    tfe_fail(writer, ENOMEM);
  }
  free(infos);
  free(info_list);
  free(metrics);
  free(names);
  free(metric_list);
}

static void fill_value(Tfe__HValue *value, const tfe_hparam *hparam) {
  tfe__hvalue__init(value);
  switch (hparam->kind) {
  case TFE_NUMBER:
    value->kind_case = TFE__HVALUE__KIND_NUMBER_VALUE;
    value->number_value = hparam->number;
    break;
  case TFE_TEXT:
    value->kind_case = TFE__HVALUE__KIND_STRING_VALUE;
    value->string_value = (char *)hparam->text;
    break;
  case TFE_BOOL:
    value->kind_case = TFE__HVALUE__KIND_BOOL_VALUE;
    value->bool_value = hparam->flag;
    break;
  }
}

static void put_session_info(tfe_writer *writer, const tfe_hparam *hparams, size_t count) {
  Tfe__HValue *values = calloc(count + 1, sizeof *values);
  Tfe__HParamEntry *entries = calloc(count + 1, sizeof *entries);
  Tfe__HParamEntry **list = calloc(count + 1, sizeof *list);
  if (values && entries && list) {
    for (size_t i = 0; i < count; ++i) {
      fill_value(&values[i], &hparams[i]);
      tfe__hparam_entry__init(&entries[i]);
      entries[i].key = (char *)hparams[i].name;
      entries[i].value = &values[i];
      list[i] = &entries[i];
    }
    Tfe__SessionStartInfo start = TFE__SESSION_START_INFO__INIT;
    Tfe__HParamsPluginData content = TFE__HPARAMS_PLUGIN_DATA__INIT;
    start.n_hparams = count;
    start.hparams = list;
    start.start_time_secs = tfe_now_seconds();
    content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_SESSION_START_INFO;
    content.session_start_info = &start;
    put_hparams_value(writer, "_hparams_/session_start_info", &content);
  } else {
    tfe_fail(writer, ENOMEM);
  }
  free(values);
  free(entries);
  free(list);
}

void tfe_hparams(tfe_writer *writer, const tfe_hparam *hparams, size_t count, const char *const *metric_tags,
                 size_t n_metrics) {
  put_experiment(writer, hparams, count, metric_tags, n_metrics);
  put_session_info(writer, hparams, count);
}

void tfe_hparams_end(tfe_writer *writer, bool success) {
  Tfe__SessionEndInfo end = TFE__SESSION_END_INFO__INIT;
  Tfe__HParamsPluginData content = TFE__HPARAMS_PLUGIN_DATA__INIT;
  end.status = success ? TFE__SESSION_END_INFO__STATUS__SUCCESS : TFE__SESSION_END_INFO__STATUS__FAILURE;
  end.end_time_secs = tfe_now_seconds();
  content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_SESSION_END_INFO;
  content.session_end_info = &end;
  put_hparams_value(writer, "_hparams_/session_end_info", &content);
}
