#include "base/log.h"

#include "testing.h"

#include <pthread.h>

static void quiet_screen_full_file(void **state) {
  char screen[4096], file[4096];
  snprintf(screen, sizeof screen, "%s", scratch_path(state, "screen"));
  snprintf(file, sizeof file, "%s", scratch_path(state, "log"));
  write_text(file, "before\n");
  m4_log *log;
  int saved = capture_output(2, screen);
  m4_status status = m4_log_create(&log, true, file, NULL);
  m4_info(log, "step %d", 7);
  m4_warn(log, "careful");
  m4_error err = {0};
  m4_fail(&err, M4_DATA, "a.h5", "bad");
  m4_hint(&err, M4_DATA, "use b");
  m4_log_error(log, "m4-x", &err);
  m4_log_free(log);
  restore_output(2, saved);
  assert_int_equal(status, M4_OK);
  char *seen = read_text(screen), *kept = read_text(file);
  assert_string_equal(seen, "warning: careful\nm4-x: error: a.h5: bad\n  hint: use b\n");
  assert_memory_equal(kept, "before\n", 7);
  int month, day, hour, minute, second, used = 0;
  assert_int_equal(sscanf(kept + 7, "%2d-%2d:%2d:%2d:%2d|%n", &month, &day, &hour, &minute, &second, &used),
                   5);
  assert_int_equal(used, 15);
  assert_memory_equal(kept + 7 + used, "step 7\n", 7);
  assert_non_null(strstr(kept, "|warning: careful\n"));
  assert_non_null(strstr(kept, "|m4-x: error: a.h5: bad\n"));
  free(seen);
  free(kept);
}

static void log_goes_to_a_file_later(void **state) {
  char first[4096], second[4096];
  snprintf(first, sizeof first, "%s", scratch_path(state, "first"));
  snprintf(second, sizeof second, "%s", scratch_path(state, "second"));
  m4_log *log;
  m4_error err = {0};
  assert_int_equal(m4_log_create(&log, true, NULL, NULL), M4_OK);
  m4_info(log, "nowhere");
  assert_int_equal(m4_log_to_file(log, scratch_path(state, "missing/log"), &err), M4_IO);
  assert_int_equal(m4_log_to_file(log, first, &err), M4_OK);
  m4_info(log, "one");
  assert_int_equal(m4_log_to_file(log, second, &err), M4_OK);
  m4_info(log, "two");
  m4_log_free(log);
  char *kept = read_text(first), *then = read_text(second);
  assert_non_null(strstr(kept, "|one\n"));
  assert_null(strstr(kept, "two"));
  assert_non_null(strstr(then, "|two\n"));
  assert_null(strstr(then, "nowhere"));
  free(kept);
  free(then);
}

static void no_log_is_silent(void **state) {
  const char *screen = scratch_path(state, "screen");
  int saved = capture_output(2, screen);
  m4_info(NULL, "x");
  m4_warn(NULL, "x");
  m4_log_error(NULL, "m4-x", &(m4_error){.what = "x"});
  m4_progress *progress;
  m4_status status = m4_progress_create(&progress, NULL, "t", "u", 10, NULL);
  m4_progress_update(progress, 5, NULL);
  m4_progress_free(progress);
  m4_progress_update(NULL, 5, NULL);
  m4_progress_free(NULL);
  m4_log_free(NULL);
  restore_output(2, saved);
  assert_int_equal(status, M4_OK);
  char *seen = read_text(screen);
  assert_string_equal(seen, "");
  free(seen);
}

static void log_file_that_cannot_be_written(void **state) {
  m4_log *log;
  m4_error err = {0};
  assert_int_equal(m4_log_create(&log, false, scratch_path(state, "missing/log"), &err), M4_IO);
  assert_null(log);
  assert_non_null(strstr(err.where, "missing/log"));
}

static void *updates(void *arg) {
  for (uint64_t i = 1; i <= 1000; ++i) m4_progress_update(arg, i, "note");
  return NULL;
}

/* In a pipe: nothing in the first ten seconds, and one last line with the end. */
static void progress_in_a_pipe(void **state) {
  const char *screen = scratch_path(state, "screen");
  int saved = capture_output(2, screen);
  m4_log *log;
  m4_status status = m4_log_create(&log, false, NULL, NULL);
  m4_progress *progress;
  m4_status made = m4_progress_create(&progress, log, "simulate", "flows", 1000, NULL);
  pthread_t threads[4];
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, updates, progress);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  m4_info(log, "between");
  m4_progress_free(progress);
  m4_log_free(log);
  restore_output(2, saved);
  assert_int_equal(status, M4_OK);
  assert_int_equal(made, M4_OK);
  char *seen = read_text(screen);
  assert_memory_equal(seen, "between\nsimulate  100 %  1000/1000 flows  ", 42);
  assert_null(strstr(seen, "left"));
  assert_null(strchr(seen, '\r'));
  free(seen);
}

static void error_without_a_log(void **state) {
  const char *screen = scratch_path(state, "screen");
  int saved = capture_output(2, screen);
  m4_error err = {0};
  m4_fail(&err, M4_USAGE, NULL, "bad");
  m4_print_error("m4-sim", &err);
  restore_output(2, saved);
  char *seen = read_text(screen);
  assert_string_equal(seen, "m4-sim: error: bad\n");
  free(seen);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(quiet_screen_full_file, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(log_goes_to_a_file_later, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(no_log_is_silent, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(log_file_that_cannot_be_written, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(progress_in_a_pipe, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(error_without_a_log, scratch_setup, scratch_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
