/* Event files: checksums, record framing, what a reader finds inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
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
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(crc_known_answers), cmocka_unit_test(writes_what_was_asked),
      cmocka_unit_test(resume_writes_a_session_start), cmocka_unit_test(missing_folder_is_an_error),
      cmocka_unit_test(full_disk_is_reported)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
