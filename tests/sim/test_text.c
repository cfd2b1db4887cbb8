/* Exact decimals: never through double. */
#include "tests/sim/test_sim.h"

#include "sim/text.h"

static void decimals_become_exact_integers(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ns;
  } rows[] = {{"1.000031369", 1000031369},
              {"0", 0},
              {"1", 1000000000},
              {"1.5", 1500000000},
              {"1e-9", 1},
              {"4e-10", 0},
              {"5e-10", 1},
              {"1.25e1", 12500000000},
              {"1.0000313690000001", 1000031369},
              {"1.0000313689999999", 1000031369},
              {"9007199.254740993", 9007199254740993}, /* 2^53 + 1: lost in double */
              {"123456789.987654321", 123456789987654321},
              {"00001.000000001", 1000000001},
              {".5", 500000000},
              {"7.", 7000000000}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t value = -1;
    const char *end;
    assert_true(sim_parse_decimal(rows[i].text, 9, &value, &end));
    assert_int_equal(*end, '\0');
    assert_int_equal(value, rows[i].ns);
  }
}

static void bad_decimals_are_refused(void **state) {
  (void)state;
  static const char *const rows[] = {
      "", ".", "-1", "nan", "inf", "x", "1e999", "99999999999999999999", "1e2000000000000000"};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int64_t value;
    const char *end;
    assert_false(sim_parse_decimal(rows[i], 9, &value, &end));
  }
  static const char *const tails[] = {"1x", "1.2.3", "0x10", "1e", "1e+"};
  for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
    int64_t value;
    const char *end;
    assert_true(sim_parse_decimal(tails[i], 0, &value, &end));
    assert_int_not_equal(*end, '\0');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(decimals_become_exact_integers),
                                     cmocka_unit_test(bad_decimals_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
