#include "base/text.h"

#include "testing.h"

#include <math.h>

static void integers(void **state) {
  (void)state;
  int64_t value = 42;
  assert_int_equal(m4_parse_int("-12", &value), M4_NUMBER_OK);
  assert_int_equal(value, -12);
  assert_int_equal(m4_parse_int("+7", &value), M4_NUMBER_OK);
  assert_int_equal(m4_parse_int("9223372036854775807", &value), M4_NUMBER_OK);
  assert_true(value == INT64_MAX);
  assert_int_equal(m4_parse_int("9223372036854775808", &value), M4_NUMBER_TOO_LARGE);
  assert_int_equal(m4_parse_int("-9223372036854775809", &value), M4_NUMBER_TOO_LARGE);
  assert_true(value == INT64_MAX);
  const char *bad[] = {"", " 1", "1 ", "0x10", "1.0", "1e3", "-", "--1", "1-", "one", "1,2"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i)
    if (m4_parse_int(bad[i], &value) != M4_NUMBER_MALFORMED) fail_msg("accepted \"%s\"", bad[i]);
}

static void reals(void **state) {
  (void)state;
  double value;
  assert_int_equal(m4_parse_real("1e-4", &value), M4_NUMBER_OK);
  assert_true(value == 1e-4);
  assert_int_equal(m4_parse_real(".5", &value), M4_NUMBER_OK);
  assert_int_equal(m4_parse_real("3", &value), M4_NUMBER_OK);
  assert_int_equal(m4_parse_real("1e-999", &value), M4_NUMBER_OK);
  assert_true(value == 0);
  assert_int_equal(m4_parse_real("1e999", &value), M4_NUMBER_TOO_LARGE);
  const char *bad[] = {"", "nan", "inf", "-inf", "0x1p3", "1.5 ", " 1.5", "1..5", "e5", ".", "1e", "+-1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i)
    if (m4_parse_real(bad[i], &value) != M4_NUMBER_MALFORMED) fail_msg("accepted \"%s\"", bad[i]);
}

static void formatted_reals_come_back(void **state) {
  (void)state;
  double values[] = {0, -0.0, 0.1, 1.0 / 3, 1e-300, 5e-324, 1.7976931348623157e308, -123456789.125, 4096};
  char text[32];
  for (size_t i = 0; i < sizeof values / sizeof values[0]; ++i) {
    double back;
    m4_format_real(text, sizeof text, values[i]);
    assert_int_equal(m4_parse_real(text, &back), M4_NUMBER_OK);
    assert_memory_equal(&back, &values[i], sizeof back);
  }
  m4_format_real(text, sizeof text, 0.1);
  assert_string_equal(text, "0.1");
}

static void nearest_name(void **state) {
  (void)state;
  const char *names[] = {"batch_size", "learning_rate", "threadhold_sampled", "topo_type", "n_epochs"};
  const char *words[] = {"Batchsize", "lerning_rate", "threadhold", "topology_type", "epochs"};
  for (size_t i = 0; i < 5; ++i) {
    m4_nearest nearest = m4_nearest_to(words[i]);
    for (size_t j = 0; j < 5; ++j) m4_nearest_offer(&nearest, names[j]);
    assert_ptr_equal(nearest.name, names[i]);
    assert_true(m4_nearest_is_close(&nearest));
  }
  m4_nearest far = m4_nearest_to("zzz");
  assert_false(m4_nearest_is_close(&far));
  m4_nearest_offer(&far, "batch_size");
  assert_string_equal(far.name, "batch_size");
  assert_false(m4_nearest_is_close(&far));
}

static void shown_text_is_harmless(void **state) {
  (void)state;
  char out[12];
  m4_text_show(out, sizeof out, "a\033[1m\n\x7f");
  assert_string_equal(out, "a?[1m??");
  m4_text_show(out, sizeof out, "12345678901");
  assert_string_equal(out, "12345678901");
  m4_text_show(out, sizeof out, "123456789012");
  assert_string_equal(out, "12345678...");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(integers),
      cmocka_unit_test(reals),
      cmocka_unit_test(nearest_name),
      cmocka_unit_test(formatted_reals_come_back),
      cmocka_unit_test(shown_text_is_harmless),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
