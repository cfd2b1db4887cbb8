/* TensorBoard event writer: record framing and messages. Knows base/status only. */
#include "train/tfevents/tfevents.h"

#include "tfevents.pb-c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct tfe_writer {
  FILE *stream;
  char path[1024];
  int write_errno; /* first failure */
};

static double now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint32_t tfe_crc32c(const void *data, size_t length) {
  static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                      0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                      0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  const unsigned char *bytes = data;
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    crc = nibble[crc & 15] ^ (crc >> 4);
    crc = nibble[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

uint32_t tfe_masked_crc(const void *data, size_t length) {
  uint32_t crc = tfe_crc32c(data, length);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void put(tfe_writer *writer, const void *data, size_t length) {
  if (writer->write_errno || length == 0) return;
  if (fwrite(data, 1, length, writer->stream) != length) writer->write_errno = errno ? errno : EIO;
}

static void put_u32(tfe_writer *writer, uint32_t value) {
  unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8), (unsigned char)(value >> 16),
                            (unsigned char)(value >> 24)};
  put(writer, bytes, sizeof bytes);
}

/* One record: length, its checksum, data, its checksum. */
static void put_record(tfe_writer *writer, const unsigned char *data, size_t length) {
  unsigned char head[8];
  for (int i = 0; i < 8; ++i) head[i] = (unsigned char)((uint64_t)length >> (8 * i));
  put(writer, head, sizeof head);
  put_u32(writer, tfe_masked_crc(head, sizeof head));
  put(writer, data, length);
  put_u32(writer, tfe_masked_crc(data, length));
}

static void put_event(tfe_writer *writer, Tfe__Event *event) {
  event->wall_time = now_seconds();
  size_t length = tfe__event__get_packed_size(event);
  unsigned char *data = malloc(length ? length : 1);
  if (!data) {
    writer->write_errno = ENOMEM;
    return;
  }
  tfe__event__pack(event, data);
  put_record(writer, data, length);
  free(data);
}

static void put_value(tfe_writer *writer, int64_t step, Tfe__Summary__Value *value) {
  Tfe__Summary summary = TFE__SUMMARY__INIT;
  Tfe__Event event = TFE__EVENT__INIT;
  summary.n_value = 1;
  summary.value = &value;
  event.step = step;
  event.what_case = TFE__EVENT__WHAT_SUMMARY;
  event.summary = &summary;
  put_event(writer, &event);
}

static void put_version(tfe_writer *writer) {
  Tfe__SourceMetadata source = TFE__SOURCE_METADATA__INIT;
  Tfe__Event event = TFE__EVENT__INIT;
  source.writer = (char *)"m4";
  event.what_case = TFE__EVENT__WHAT_FILE_VERSION;
  event.file_version = (char *)"brain.Event:2";
  event.source_metadata = &source;
  put_event(writer, &event);
}

static void put_session_start(tfe_writer *writer, int64_t step) {
  Tfe__SessionLog session = TFE__SESSION_LOG__INIT;
  Tfe__Event event = TFE__EVENT__INIT;
  session.status = TFE__SESSION_LOG__STATUS__START;
  event.step = step;
  event.what_case = TFE__EVENT__WHAT_SESSION_LOG;
  event.session_log = &session;
  put_event(writer, &event);
}

m4_status tfe_open(tfe_writer **writer_out, const char *dir, int64_t resume_step, m4_error *err) {
  tfe_writer *writer = calloc(1, sizeof *writer);
  if (!writer) return m4_fail(err, M4_MEMORY, dir, "no memory for an event writer");
  char host[128] = "localhost";
  gethostname(host, sizeof host - 1);
  for (int number = 0; number < 1000 && !writer->stream; ++number) {
    int length = snprintf(writer->path, sizeof writer->path, "%s/events.out.tfevents.%010lld.%s.%ld.%d", dir,
                          (long long)time(NULL), host, (long)getpid(), number);
    if (length < 0 || (size_t)length >= sizeof writer->path) {
      free(writer);
      return m4_fail(err, M4_USAGE, dir, "folder name is too long for an event file");
    }
    int descriptor = open(writer->path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;
    writer->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (!writer->stream) {
      m4_status status =
          m4_fail(err, M4_IO, writer->path, "cannot create the event file: %s", strerror(errno));
      if (descriptor >= 0) close(descriptor);
      free(writer);
      return status;
    }
  }
  if (!writer->stream) {
    free(writer);
    return m4_fail(err, M4_IO, dir, "no free name for an event file");
  }
  put_version(writer);
  if (resume_step >= 0) put_session_start(writer, resume_step);
  *writer_out = writer;
  return tfe_flush(writer, err);
}

m4_status tfe_flush(tfe_writer *writer, m4_error *err) {
  if (fflush(writer->stream) != 0 && !writer->write_errno) writer->write_errno = errno;
  if (writer->write_errno)
    return m4_fail(err, M4_IO, writer->path, "cannot write events: %s", strerror(writer->write_errno));
  return M4_OK;
}

m4_status tfe_close(tfe_writer *writer, m4_error *err) {
  if (!writer) return M4_OK;
  m4_status status = tfe_flush(writer, err);
  if (fclose(writer->stream) != 0 && status == M4_OK)
    status = m4_fail(err, M4_IO, writer->path, "cannot close the event file: %s", strerror(errno));
  free(writer);
  return status;
}

void tfe_scalar(tfe_writer *writer, const char *tag, int64_t step, double value) {
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  entry.tag = (char *)tag;
  entry.value_case = TFE__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
  entry.simple_value = (float)value;
  put_value(writer, step, &entry);
}

/* A value of the hparams plugin: its content is a message of its own, packed into the metadata. */
static void put_hparams_value(tfe_writer *writer, const char *tag, Tfe__HParamsPluginData *content) {
  size_t length = tfe__hparams_plugin_data__get_packed_size(content);
  unsigned char *packed = malloc(length ? length : 1);
  if (!packed) {
    writer->write_errno = ENOMEM;
    return;
  }
  tfe__hparams_plugin_data__pack(content, packed);
  Tfe__PluginData plugin = TFE__PLUGIN_DATA__INIT;
  Tfe__SummaryMetadata metadata = TFE__SUMMARY_METADATA__INIT;
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  plugin.plugin_name = (char *)"hparams";
  plugin.content.data = packed;
  plugin.content.len = length;
  metadata.plugin_data = &plugin;
  entry.tag = (char *)tag;
  entry.metadata = &metadata;
  put_value(writer, 0, &entry);
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
    experiment.time_created_secs = now_seconds();
    experiment.n_hparam_infos = count;
    experiment.hparam_infos = info_list;
    experiment.n_metric_infos = n_metrics;
    experiment.metric_infos = metric_list;
    content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_EXPERIMENT;
    content.experiment = &experiment;
    put_hparams_value(writer, "_hparams_/experiment", &content);
  } else {
    writer->write_errno = ENOMEM;
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
    start.start_time_secs = now_seconds();
    content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_SESSION_START_INFO;
    content.session_start_info = &start;
    put_hparams_value(writer, "_hparams_/session_start_info", &content);
  } else {
    writer->write_errno = ENOMEM;
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
  end.end_time_secs = now_seconds();
  content.data_case = TFE__HPARAMS_PLUGIN_DATA__DATA_SESSION_END_INFO;
  content.session_end_info = &end;
  put_hparams_value(writer, "_hparams_/session_end_info", &content);
}
