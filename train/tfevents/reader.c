/* Reading event files. Knows base/status and record.h. */
#include "train/tfevents/reader.h"

#include "train/tfevents/record.h"

#include "tfevents.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_RECORD_BYTES = 1 << 28, UNPACKED_PER_BYTE = 32 };

struct tfe_reader {
  FILE *stream;
  char path[1024];
  uint64_t at, file_bytes; /* of the next record; of the file */
  bool is_cut;
  unsigned char *record;
  size_t record_capacity;
  Tfe__Event *event; /* of the record at hand; NULL: read the next */
  size_t next_value;
  tfe_entry entry;
  size_t may_allocate; /* what the record at hand may still take */
};

const char *tfe_entry_name(tfe_entry_kind kind) {
  static const char *const names[] = {"version", "start", "scalar", "histogram", "image", "other"};
  return names[kind];
}

/* ---- memory of messages: a small record cannot ask for much ---- */

static void *limited_alloc(void *data, size_t size) {
  tfe_reader *reader = data;
  if (size > reader->may_allocate) return NULL;
  reader->may_allocate -= size;
  return malloc(size);
}

static void limited_free(void *data, void *pointer) {
  (void)data;
  free(pointer);
}

static void drop_event(tfe_reader *reader) {
  ProtobufCAllocator allocator = {limited_alloc, limited_free, reader};
  if (reader->event) tfe__event__free_unpacked(reader->event, &allocator);
  reader->event = NULL;
}

/* ---- file ---- */

m4_status tfe_reader_open(tfe_reader **reader_out, const char *path, m4_error *err) {
  struct stat info;
  if (stat(path, &info) != 0) return m4_fail(err, M4_IO, path, "cannot open: %s", strerror(errno));
  if (!S_ISREG(info.st_mode)) return m4_fail(err, M4_IO, path, "is not a regular file");
  tfe_reader *reader = calloc(1, sizeof *reader);
  if (!reader) return m4_fail(err, M4_MEMORY, path, "no memory for a reader");
  snprintf(reader->path, sizeof reader->path, "%s", path);
  reader->file_bytes = (uint64_t)info.st_size;
  reader->stream = fopen(path, "rb");
  if (!reader->stream) {
    free(reader);
    return m4_fail(err, M4_IO, path, "cannot open: %s", strerror(errno));
  }
  *reader_out = reader;
  return M4_OK;
}

void tfe_reader_close(tfe_reader *reader) {
  if (!reader) return;
  drop_event(reader);
  fclose(reader->stream);
  free(reader->record);
  free(reader);
}

bool tfe_reader_is_cut(const tfe_reader *reader) {
  return reader->is_cut;
}

/* ---- records ---- */

static m4_status bad_record(const tfe_reader *reader, const char *what, m4_error *err) {
  return m4_fail(err, M4_DATA, reader->path, "record at byte %llu: %s", (unsigned long long)reader->at, what);
}

static m4_status need_capacity(tfe_reader *reader, size_t bytes, m4_error *err) {
  if (bytes <= reader->record_capacity) return M4_OK;
  unsigned char *larger = realloc(reader->record, bytes);
  if (!larger) return m4_fail(err, M4_MEMORY, reader->path, "no memory for a record of %zu bytes", bytes);
  reader->record = larger;
  reader->record_capacity = bytes;
  return M4_OK;
}

/* *length = SIZE_MAX at the end of the file. */
static m4_status read_record(tfe_reader *reader, size_t *length, m4_error *err) {
  unsigned char head[TFE_HEAD_BYTES];
  uint64_t left = reader->file_bytes - reader->at;
  int good;
  *length = SIZE_MAX;
  if (left == 0) return M4_OK;
  reader->is_cut = left < TFE_HEAD_BYTES;
  if (reader->is_cut) return M4_OK;
  if (fread(head, 1, sizeof head, reader->stream) != sizeof head)
    return m4_fail(err, M4_IO, reader->path, "cannot read");
  uint64_t bytes = tfe_record_length(head, &good);
  if (!good)
    return bad_record(reader, "the checksum of its length is wrong: not an event file, or damaged", err);
  if (bytes > MAX_RECORD_BYTES) return bad_record(reader, "is longer than 256 MiB", err);
  reader->is_cut = bytes + TFE_TAIL_BYTES > left - TFE_HEAD_BYTES;
  if (reader->is_cut) return M4_OK;
  size_t whole = (size_t)bytes + TFE_TAIL_BYTES;
  M4_TRY(need_capacity(reader, whole, err));
  if (fread(reader->record, 1, whole, reader->stream) != whole)
    return m4_fail(err, M4_IO, reader->path, "cannot read");
  if (!tfe_record_tail_fits(reader->record + bytes, reader->record, (size_t)bytes))
    return bad_record(reader, "the checksum of its data is wrong: damaged", err);
  *length = (size_t)bytes;
  return M4_OK;
}

static m4_status read_event(tfe_reader *reader, m4_error *err) {
  size_t length;
  ProtobufCAllocator allocator = {limited_alloc, limited_free, reader};
  drop_event(reader);
  M4_TRY(read_record(reader, &length, err));
  if (length == SIZE_MAX) return M4_OK;
  reader->may_allocate = UNPACKED_PER_BYTE * length + 4096;
  reader->event = tfe__event__unpack(&allocator, length, reader->record);
  if (!reader->event) return bad_record(reader, "is not a TensorBoard event", err);
  reader->next_value = 0;
  reader->at += TFE_HEAD_BYTES + length + TFE_TAIL_BYTES;
  return M4_OK;
}

/* ---- entries ---- */

static const char *text_or_empty(const char *text) {
  return text ? text : "";
}

/* Scalars come as plain numbers or as tensors of one element. */
static void describe_tensor(tfe_entry *entry, const Tfe__Tensor *tensor) {
  bool is_scalar = !tensor->tensor_shape || tensor->tensor_shape->n_dim == 0;
  if (!is_scalar || strcmp(entry->plugin, "custom_scalars") == 0) return;
  if (tensor->n_float_val == 1) {
    entry->number = (double)tensor->float_val[0];
  } else if (tensor->n_double_val == 1) {
    entry->number = tensor->double_val[0];
  } else if (tensor->dtype == 1 && tensor->tensor_content.len == sizeof(float)) {
    float value;
    memcpy(&value, tensor->tensor_content.data, sizeof value);
    entry->number = (double)value;
  } else {
    return;
  }
  entry->kind = TFE_ENTRY_SCALAR;
}

static void describe_histogram(tfe_entry *entry, const Tfe__Histogram *histogram) {
  entry->kind = TFE_ENTRY_HISTOGRAM;
  entry->histogram.min = histogram->min;
  entry->histogram.max = histogram->max;
  entry->histogram.count = histogram->num;
  entry->histogram.sum = histogram->sum;
  entry->histogram.sum_squares = histogram->sum_squares;
  entry->histogram.n_buckets =
      histogram->n_bucket < histogram->n_bucket_limit ? histogram->n_bucket : histogram->n_bucket_limit;
  entry->histogram.limit = histogram->bucket_limit;
  entry->histogram.bucket = histogram->bucket;
}

static void describe_image(tfe_entry *entry, const Tfe__Image *image) {
  entry->kind = TFE_ENTRY_IMAGE;
  entry->image.width = image->width;
  entry->image.height = image->height;
  entry->image.bytes = image->encoded_image_string.data;
  entry->image.n_bytes = image->encoded_image_string.len;
}

static void describe_value(tfe_entry *entry, const Tfe__Summary__Value *value) {
  entry->tag = text_or_empty(value->tag);
  if (value->metadata && value->metadata->plugin_data)
    entry->plugin = text_or_empty(value->metadata->plugin_data->plugin_name);
  switch (value->value_case) {
  case TFE__SUMMARY__VALUE__VALUE_SIMPLE_VALUE:
    entry->kind = TFE_ENTRY_SCALAR;
    entry->number = (double)value->simple_value;
    break;
  case TFE__SUMMARY__VALUE__VALUE_HISTO:
    describe_histogram(entry, value->histo);
    break;
  case TFE__SUMMARY__VALUE__VALUE_IMAGE:
    describe_image(entry, value->image);
    break;
  case TFE__SUMMARY__VALUE__VALUE_TENSOR:
    describe_tensor(entry, value->tensor);
    break;
  default:
    break;
  }
}

/* Entries that the event at hand still has. */
static size_t n_values(const Tfe__Event *event) {
  return event->what_case == TFE__EVENT__WHAT_SUMMARY ? event->summary->n_value : 1;
}

m4_status tfe_reader_next(tfe_reader *reader, const tfe_entry **entry_out, m4_error *err) {
  *entry_out = NULL;
  while (!reader->event || reader->next_value >= n_values(reader->event)) {
    M4_TRY(read_event(reader, err));
    if (!reader->event) return M4_OK;
  }
  const Tfe__Event *event = reader->event;
  tfe_entry *entry = &reader->entry;
  *entry = (tfe_entry){.kind = TFE_ENTRY_OTHER, .wall_time = event->wall_time, .step = event->step};
  entry->tag = entry->plugin = entry->text = "";
  if (event->what_case == TFE__EVENT__WHAT_SUMMARY) {
    describe_value(entry, event->summary->value[reader->next_value]);
  } else if (event->what_case == TFE__EVENT__WHAT_FILE_VERSION) {
    entry->kind = TFE_ENTRY_VERSION;
    entry->text = text_or_empty(event->file_version);
  } else if (event->what_case == TFE__EVENT__WHAT_SESSION_LOG &&
             event->session_log->status == TFE__SESSION_LOG__STATUS__START) {
    entry->kind = TFE_ENTRY_START;
  }
  ++reader->next_value;
  *entry_out = entry;
  return M4_OK;
}
