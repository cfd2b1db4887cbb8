#include "base/status.h"

#include "testing.h"

static void fail_fills_everything(void **state) {
  (void)state;
  m4_error err = {.hint = "old"};
  assert_int_equal(m4_fail(&err, M4_DATA, "a.h5", "%d rows", 3), M4_DATA);
  assert_int_equal(err.status, M4_DATA);
  assert_string_equal(err.where, "a.h5");
  assert_string_equal(err.what, "3 rows");
  assert_string_equal(err.hint, "");
  assert_int_equal(m4_hint(&err, M4_DATA, "try %s", "b"), M4_DATA);
  assert_string_equal(err.hint, "try b");
  assert_int_equal(m4_within(&err, M4_DATA, "run 7"), M4_DATA);
  assert_string_equal(err.where, "run 7: a.h5");
}

static void within_an_empty_place_is_the_prefix(void **state) {
  (void)state;
  m4_error err = {0};
  m4_fail(&err, M4_IO, NULL, "x");
  m4_within(&err, M4_IO, "file");
  assert_string_equal(err.where, "file");
}

static void no_error_struct_is_accepted(void **state) {
  (void)state;
  assert_int_equal(m4_fail(NULL, M4_IO, "x", "y"), M4_IO);
  assert_int_equal(m4_hint(NULL, M4_IO, "x"), M4_IO);
  assert_int_equal(m4_within(NULL, M4_IO, "x"), M4_IO);
}

static void long_texts_are_cut(void **state) {
  (void)state;
  char text[2000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  m4_error err = {0};
  m4_fail(&err, M4_DATA, text, "%s", text);
  m4_hint(&err, M4_DATA, "%s", text);
  m4_within(&err, M4_DATA, "outer");
  assert_int_equal(strlen(err.where), sizeof err.where - 1);
  assert_int_equal(strlen(err.what), sizeof err.what - 1);
  assert_int_equal(strlen(err.hint), sizeof err.hint - 1);
  assert_memory_equal(err.where, "outer: xxx", 10);
  m4_within(&err, M4_DATA, text);
  assert_int_equal(strlen(err.where), sizeof err.where - 1);
}

static void exit_codes_are_those_of_the_contract(void **state) {
  (void)state;
  assert_int_equal(m4_exit_code(M4_OK), 0);
  assert_int_equal(m4_exit_code(M4_USAGE), 2);
  assert_int_equal(m4_exit_code(M4_DATA), 3);
  assert_int_equal(m4_exit_code(M4_IO), 4);
  assert_int_equal(m4_exit_code(M4_NUMERIC), 5);
  assert_int_equal(m4_exit_code(M4_INTERRUPTED), 130);
  assert_string_equal(m4_status_text(M4_DATA), "bad input data");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fail_fills_everything),
      cmocka_unit_test(within_an_empty_place_is_the_prefix),
      cmocka_unit_test(no_error_struct_is_accepted),
      cmocka_unit_test(long_texts_are_cut),
      cmocka_unit_test(exit_codes_are_those_of_the_contract),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
