/* TensorBoard event writer: the file, scalars and images. Knows base/status only. */
#include "train/tfevents/record.h"
#include "train/tfevents/writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double tfe_now_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void tfe_fail(tfe_writer *writer, int code) {
  if (!writer->write_errno) writer->write_errno = code;
}

static void put(tfe_writer *writer, const void *data, size_t length) {
  if (writer->write_errno || length == 0) return;
  if (fwrite(data, 1, length, writer->stream) != length) tfe_fail(writer, errno ? errno : EIO);
}

static void put_record(tfe_writer *writer, const unsigned char *data, size_t length) {
  unsigned char head[TFE_HEAD_BYTES], tail[TFE_TAIL_BYTES];
  tfe_record_head(head, length);
  tfe_record_tail(tail, data, length);
  put(writer, head, sizeof head);
  put(writer, data, length);
  put(writer, tail, sizeof tail);
}

static void put_event(tfe_writer *writer, Tfe__Event *event) {
  event->wall_time = tfe_now_seconds();
  size_t length = tfe__event__get_packed_size(event);
  unsigned char *data = malloc(length ? length : 1);
  if (!data) {
    tfe_fail(writer, ENOMEM);
    return;
  }
  tfe__event__pack(event, data);
  put_record(writer, data, length);
  free(data);
}

void tfe_put_value(tfe_writer *writer, int64_t step, Tfe__Summary__Value *value) {
  Tfe__Summary summary = TFE__SUMMARY__INIT;
  Tfe__Event event = TFE__EVENT__INIT;
  summary.n_value = 1;
  summary.value = &value;
  event.step = step;
  event.what_case = TFE__EVENT__WHAT_SUMMARY;
  event.summary = &summary;
  put_event(writer, &event);
}

void tfe_set_plugin(Tfe__Summary__Value *value, Tfe__SummaryMetadata *metadata, Tfe__PluginData *plugin,
                    const char *name) {
  plugin->plugin_name = (char *)name;
  metadata->plugin_data = plugin;
  value->metadata = metadata;
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
  tfe_put_value(writer, step, &entry);
}

void tfe_image(tfe_writer *writer, const char *tag, int64_t step, int width, int height, const void *png,
               size_t png_bytes) {
  Tfe__Image image = TFE__IMAGE__INIT;
  Tfe__Summary__Value entry = TFE__SUMMARY__VALUE__INIT;
  image.width = width;
  image.height = height;
  image.colorspace = 3; /* RGB */
  image.encoded_image_string.data = (uint8_t *)png;
  image.encoded_image_string.len = png_bytes;
  entry.tag = (char *)tag;
  entry.value_case = TFE__SUMMARY__VALUE__VALUE_IMAGE;
  entry.image = &image;
  tfe_put_value(writer, step, &entry);
}
