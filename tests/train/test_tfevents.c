/* Event files: checksums, record framing, what a reader finds inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "train/tfevents/png.h"
#include "train/tfevents/reader.h"
#include "train/tfevents/record.h"
#include "train/tfevents/tfevents.h"

#include "tfevents.pb-c.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void crc_known_answers(void **state) {
  (void)state;
  assert_int_equal(tfe_crc32c("123456789", 9), 0xe3069283u); /* the check value of CRC-32C */
  assert_int_equal(tfe_crc32c("", 0), 0u);
  unsigned char zeros[32] = {0};
  assert_int_equal(tfe_crc32c(zeros, sizeof zeros), 0x8a9136aau); /* RFC 3720, B.4 */
}

static uint64_t little(const unsigned char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

/* The only event file of a folder. */
static void find_event_file(const char *dir, char *path, size_t bytes) {
  DIR *folder = opendir(dir);
  assert_non_null(folder);
  int found = 0;
  for (struct dirent *entry; (entry = readdir(folder));)
    if (strncmp(entry->d_name, "events.out.tfevents.", 20) == 0) {
      snprintf(path, bytes, "%s/%s", dir, entry->d_name);
      ++found;
    }
  closedir(folder);
  assert_int_equal(found, 1);
}

/* Splits a file into records, checking both checksums of each. */
static size_t read_records(const char *path, Tfe__Event **events, size_t capacity) {
  FILE *stream = fopen(path, "rb");
  assert_non_null(stream);
  unsigned char *data = malloc(1 << 20);
  assert_non_null(data);
  size_t length = fread(data, 1, 1 << 20, stream), at = 0, count = 0;
  fclose(stream);
  while (at < length) {
    assert_true(length - at >= 16);
    uint64_t size = little(data + at, 8);
    assert_int_equal(little(data + at + 8, 4), tfe_masked_crc(data + at, 8));
    assert_true(size <= length - at - 16);
    assert_int_equal(little(data + at + 12 + size, 4), tfe_masked_crc(data + at + 12, size));
    assert_true(count < capacity);
    events[count] = tfe__event__unpack(NULL, size, data + at + 12);
    assert_non_null(events[count++]);
    at += 16 + size;
  }
  free(data);
  return count;
}

static void writes_what_was_asked(void **state) {
  (void)state;
  char dir[] = "tfevents_XXXXXX", path[512];
  m4_error error = {0};
  tfe_writer *writer;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(tfe_open(&writer, dir, -1, &error), M4_OK);
  const tfe_hparam hparams[] = {{.name = "learning_rate", .kind = TFE_NUMBER, .number = 1e-4},
                                {.name = "loss", .kind = TFE_TEXT, .text = "reference"},
                                {.name = "queue", .kind = TFE_BOOL, .flag = true}};
  const char *metrics[] = {"val_loss_epoch"};
  tfe_hparams(writer, hparams, 3, metrics, 1);
  tfe_scalar(writer, "train_loss_step", 10, 0.5);
  tfe_scalar(writer, "nan", 11, NAN);
  tfe_hparams_end(writer, true);
  assert_int_equal(tfe_close(writer, &error), M4_OK);

  Tfe__Event *events[16];
  find_event_file(dir, path, sizeof path);
  assert_int_equal(read_records(path, events, 16), 6);
  assert_string_equal(events[0]->file_version, "brain.Event:2");
  assert_string_equal(events[1]->summary->value[0]->tag, "_hparams_/experiment");
  assert_string_equal(events[2]->summary->value[0]->tag, "_hparams_/session_start_info");
  Tfe__PluginData *plugin = events[2]->summary->value[0]->metadata->plugin_data;
  assert_string_equal(plugin->plugin_name, "hparams");
  Tfe__HParamsPluginData *content =
      tfe__hparams_plugin_data__unpack(NULL, plugin->content.len, plugin->content.data);
  assert_non_null(content);
  assert_int_equal(content->session_start_info->n_hparams, 3);
  assert_true(content->session_start_info->hparams[0]->value->number_value == 1e-4);
  assert_string_equal(content->session_start_info->hparams[1]->value->string_value, "reference");
  assert_true(content->session_start_info->hparams[2]->value->bool_value);
  tfe__hparams_plugin_data__free_unpacked(content, NULL);
  assert_int_equal(events[3]->step, 10);
  assert_string_equal(events[3]->summary->value[0]->tag, "train_loss_step");
  assert_true(events[3]->summary->value[0]->simple_value == 0.5f);
  assert_true(isnan(events[4]->summary->value[0]->simple_value));
  for (int i = 0; i < 6; ++i) tfe__event__free_unpacked(events[i], NULL);
  unlink(path);
  rmdir(dir);
}

static void resume_writes_a_session_start(void **state) {
  (void)state;
  char dir[] = "tfevents_XXXXXX", path[512];
  m4_error error = {0};
  tfe_writer *writer;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(tfe_open(&writer, dir, 42, &error), M4_OK);
  assert_int_equal(tfe_close(writer, &error), M4_OK);
  Tfe__Event *events[4];
  find_event_file(dir, path, sizeof path);
  assert_int_equal(read_records(path, events, 4), 2);
  assert_int_equal(events[1]->what_case, TFE__EVENT__WHAT_SESSION_LOG);
  assert_int_equal(events[1]->session_log->status, TFE__SESSION_LOG__STATUS__START);
  assert_int_equal(events[1]->step, 42);
  for (int i = 0; i < 2; ++i) tfe__event__free_unpacked(events[i], NULL);
  unlink(path);
  rmdir(dir);
}

static void missing_folder_is_an_error(void **state) {
  (void)state;
  m4_error error = {0};
  tfe_writer *writer;
  assert_int_equal(tfe_open(&writer, "no/such/folder", -1, &error), M4_IO);
  assert_non_null(strstr(error.where, "no/such/folder"));
}

/* ---- histograms ---- */

static int bucket_holding(double value) {
  tfe_histogram histogram;
  tfe_histogram_clear(&histogram);
  tfe_histogram_add(&histogram, value);
  for (int i = 0; i < TFE_N_BUCKETS; ++i)
    if (histogram.bucket[i] > 0) return i;
  return -1;
}

static void buckets_are_where_their_limits_say(void **state) {
  (void)state;
  const double values[] = {0,     1e-13, -1e-13, 1e-12, -1e-12, 1,    -1,    1.1,  -1.1, 0.5, -0.5,
                           3.3e7, -2e19, 1e19,   1e300, -1e300, 1e25, -1e25, 1e-5, 7,    -7,  100};
  for (int i = 1; i < TFE_N_BUCKETS; ++i) assert_true(tfe_bucket_limit(i) > tfe_bucket_limit(i - 1));
  for (size_t k = 0; k < sizeof values / sizeof *values; ++k) {
    int i = bucket_holding(values[k]);
    assert_true(i >= 0 && values[k] < tfe_bucket_limit(i));
    assert_true(i == 0 || values[k] >= tfe_bucket_limit(i - 1));
  }
  for (int i = 0; i < TFE_N_BUCKETS - 1; ++i) /* a limit itself belongs to the next bucket */
    assert_int_equal(bucket_holding(tfe_bucket_limit(i)), i + 1);
  assert_int_equal(bucket_holding(NAN), -1);
  assert_int_equal(bucket_holding(INFINITY), -1);
}

static void histograms_merge(void **state) {
  (void)state;
  tfe_histogram *parts = calloc(3, sizeof *parts);
  assert_non_null(parts);
  for (int i = 0; i < 3; ++i) tfe_histogram_clear(&parts[i]);
  for (int i = -50; i < 50; ++i) {
    tfe_histogram_add(&parts[i < 0 ? 0 : 1], 0.25 * i);
    tfe_histogram_add(&parts[2], 0.25 * i);
  }
  tfe_histogram_merge(&parts[0], &parts[1]);
  assert_memory_equal(&parts[0], &parts[2], sizeof *parts); /* these sums are exact */
  free(parts);
}

/* ---- reading ---- */

static tfe_reader *open_reader(const char *path) {
  tfe_reader *reader;
  m4_error error = {0};
  if (tfe_reader_open(&reader, path, &error) != M4_OK) fail_msg("%s", error.what);
  return reader;
}

static const tfe_entry *next_entry(tfe_reader *reader) {
  const tfe_entry *entry;
  m4_error error = {0};
  if (tfe_reader_next(reader, &entry, &error) != M4_OK) fail_msg("%s", error.what);
  return entry;
}

/* A file with something of every kind. */
static void write_everything(char *dir, char *path, size_t path_bytes) {
  m4_error error = {0};
  tfe_writer *writer;
  tfe_histogram histogram;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(tfe_open(&writer, dir, 7, &error), M4_OK);
  tfe_scalar(writer, "loss", 8, 0.25);
  tfe_histogram_clear(&histogram);
  tfe_put_histogram(writer, "empty", 9, &histogram);
  for (int i = 0; i < 10; ++i) tfe_histogram_add(&histogram, i < 4 ? -2.0 : 3.0);
  tfe_put_histogram(writer, "weights", 9, &histogram);
  const uint8_t pixels[2 * 3 * 3] = {255, 0, 0, 0, 255, 0, 0, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  unsigned char *png;
  size_t png_bytes;
  assert_int_equal(tfe_png_encode(pixels, 3, 2, &png, &png_bytes, &error), M4_OK);
  tfe_image(writer, "picture", 10, 3, 2, png, png_bytes);
  free(png);
  const tfe_chart charts[] = {{"loss", {"train", "val"}}};
  tfe_layout(writer, "all", charts, 1);
  assert_int_equal(tfe_close(writer, &error), M4_OK);
  find_event_file(dir, path, path_bytes);
}

static void reads_what_was_written(void **state) {
  (void)state;
  char dir[] = "tfevents_XXXXXX", path[512];
  write_everything(dir, path, sizeof path);
  tfe_reader *reader = open_reader(path);
  const tfe_entry *entry = next_entry(reader);
  assert_int_equal(entry->kind, TFE_ENTRY_VERSION);
  assert_string_equal(entry->text, "brain.Event:2");
  entry = next_entry(reader);
  assert_int_equal(entry->kind, TFE_ENTRY_START);
  assert_int_equal(entry->step, 7);
  entry = next_entry(reader);
  assert_int_equal(entry->kind, TFE_ENTRY_SCALAR);
  assert_string_equal(entry->tag, "loss");
  assert_true(entry->step == 8 && entry->number == 0.25);
  entry = next_entry(reader); /* the empty histogram was not written */
  assert_int_equal(entry->kind, TFE_ENTRY_HISTOGRAM);
  assert_string_equal(entry->tag, "weights");
  assert_true(entry->histogram.count == 10 && entry->histogram.sum == 10 && entry->histogram.min == -2);
  assert_int_equal(entry->histogram.n_buckets, 5); /* two full ones and the empty runs around them */
  double total = 0;
  for (size_t i = 0; i < entry->histogram.n_buckets; ++i) total += entry->histogram.bucket[i];
  assert_true(total == 10 && entry->histogram.bucket[1] == 4 && entry->histogram.bucket[3] == 6);
  entry = next_entry(reader);
  assert_int_equal(entry->kind, TFE_ENTRY_IMAGE);
  assert_true(entry->image.width == 3 && entry->image.height == 2);
  assert_memory_equal(entry->image.bytes, "\x89PNG\r\n\x1a\n", 8);
  entry = next_entry(reader);
  assert_int_equal(entry->kind, TFE_ENTRY_OTHER);
  assert_string_equal(entry->tag, "custom_scalars__config__");
  assert_string_equal(entry->plugin, "custom_scalars");
  assert_null(next_entry(reader));
  assert_false(tfe_reader_is_cut(reader));
  tfe_reader_close(reader);
  unlink(path);
  rmdir(dir);
}

static void write_bytes(const char *path, const char *data, size_t length) {
  FILE *stream = fopen(path, "wb");
  assert_non_null(stream);
  assert_int_equal(fwrite(data, 1, length, stream), length);
  fclose(stream);
}

/* Reads to the end or the first error. */
static m4_status read_all(const char *path, bool *is_cut, m4_error *error) {
  tfe_reader *reader = open_reader(path);
  const tfe_entry *entry = NULL;
  m4_status status;
  do status = tfe_reader_next(reader, &entry, error);
  while (status == M4_OK && entry);
  *is_cut = tfe_reader_is_cut(reader);
  tfe_reader_close(reader);
  return status;
}

static void damage_is_found(void **state) {
  (void)state;
  char dir[] = "tfevents_XXXXXX", path[512], *data;
  size_t length;
  bool is_cut;
  m4_error error = {0};
  write_everything(dir, path, sizeof path);
  assert_int_equal(m4_file_read(path, 1 << 20, &data, &length, NULL), M4_OK);
  for (size_t i = 0; i < length; ++i) { /* any changed byte */
    data[i] ^= 0x40;
    write_bytes(path, data, length);
    data[i] ^= 0x40;
    assert_int_equal(read_all(path, &is_cut, &error), M4_DATA);
    assert_non_null(strstr(error.what, "checksum"));
  }
  int whole = 0;
  for (size_t cut = 0; cut < length; ++cut) { /* any end: a file that is still being written */
    write_bytes(path, data, cut);
    assert_int_equal(read_all(path, &is_cut, &error), M4_OK);
    whole += !is_cut;
  }
  assert_int_equal(whole, 6); /* an empty file, and the ends of records but the last */
  free(data);
  unlink(path);
  rmdir(dir);
}

/* Records with right checksums and hostile contents. */
static void hostile_records_are_refused(void **state) {
  (void)state;
  char dir[] = "tfevents_XXXXXX", path[64];
  bool is_cut;
  m4_error error = {0};
  assert_non_null(mkdtemp(dir));
  snprintf(path, sizeof path, "%s/tfevents", dir);
  unsigned char file[4096];
  tfe_record_head(file, 1ull << 60); /* longer than anything */
  write_bytes(path, (const char *)file, TFE_HEAD_BYTES);
  assert_int_equal(read_all(path, &is_cut, &error), M4_DATA);
  assert_non_null(strstr(error.what, "256 MiB"));
  /* Messages that are no events, among them one with 1000 empty values, which would take far more memory. */
  unsigned char many[2 + 3 + 2000] = {0x2a, 0xd0, 0x0f};
  for (size_t i = 3; i + 1 < sizeof many - 2; i += 2) many[i] = 0x0a;
  const struct {
    const void *data;
    size_t length;
  } messages[] = {
      {"\xff\xff\xff\xff", 4}, {"\x2a\xff\xff\xff\xff\x0f", 6}, {"\x2a\x05\x0a\x7f", 4}, {many, 2003}};
  for (size_t i = 0; i < sizeof messages / sizeof *messages; ++i) {
    tfe_record_head(file, messages[i].length);
    memcpy(file + TFE_HEAD_BYTES, messages[i].data, messages[i].length);
    tfe_record_tail(file + TFE_HEAD_BYTES + messages[i].length, messages[i].data, messages[i].length);
    write_bytes(path, (const char *)file, TFE_HEAD_BYTES + messages[i].length + TFE_TAIL_BYTES);
    assert_int_equal(read_all(path, &is_cut, &error), M4_DATA);
    assert_non_null(strstr(error.what, "not a TensorBoard event"));
  }
  tfe_reader *reader;
  assert_int_equal(tfe_reader_open(&reader, dir, &error), M4_IO);
  assert_int_equal(tfe_reader_open(&reader, "no-such-file", &error), M4_IO);
  unlink(path);
  rmdir(dir);
}

static void impossible_images_are_refused(void **state) {
  (void)state;
  unsigned char *png;
  size_t bytes;
  const uint8_t pixel[3] = {0};
  assert_int_equal(tfe_png_encode(pixel, 0, 1, &png, &bytes, NULL), M4_USAGE);
  assert_int_equal(tfe_png_encode(pixel, 1, 1 << 20, &png, &bytes, NULL), M4_USAGE);
}

static void full_disk_is_reported(void **state) {
  (void)state;
  if (access("/dev/full", W_OK) != 0) skip();
  char dir[] = "tfevents_XXXXXX", path[512];
  m4_error error = {0};
  tfe_writer *writer;
  assert_non_null(mkdtemp(dir));
  assert_int_equal(tfe_open(&writer, dir, -1, &error), M4_OK);
  find_event_file(dir, path, sizeof path);
  /* The writer's descriptor is the newest one: make it point to a device that is always full. */
  FILE *full = fopen("/dev/full", "wb");
  assert_non_null(full);
  int descriptor = fileno(full) - 1;
  assert_true(dup2(fileno(full), descriptor) == descriptor);
  tfe_scalar(writer, "x", 1, 1.0);
  assert_int_equal(tfe_flush(writer, &error), M4_IO);
  assert_int_equal(tfe_close(writer, &error), M4_IO);
  fclose(full);
  unlink(path);
  rmdir(dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(crc_known_answers),
                                     cmocka_unit_test(writes_what_was_asked),
                                     cmocka_unit_test(resume_writes_a_session_start),
                                     cmocka_unit_test(missing_folder_is_an_error),
                                     cmocka_unit_test(full_disk_is_reported),
                                     cmocka_unit_test(buckets_are_where_their_limits_say),
                                     cmocka_unit_test(histograms_merge),
                                     cmocka_unit_test(reads_what_was_written),
                                     cmocka_unit_test(damage_is_found),
                                     cmocka_unit_test(hostile_records_are_refused),
                                     cmocka_unit_test(impossible_images_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
