/* config.txt: every key arrives, what is not supported is refused by name and line, writing and reading
 * agree. */
#include "tests/sim/test_sim.h"

#include "sim/packet/settings.h"
#include "sim/packet/settings_keys.h"

#include <math.h>

#define MAPS                                                                                                 \
  "KMIN_MAP 2 10000000000 30 40000000000 120\nKMAX_MAP 2 10000000000 31 40000000000 121\nPMAX_MAP 2 "        \
  "10000000000 0.5 40000000000 1\n"

static m4_status read_text(pkt_settings *settings, const char *text, void (*warn)(void *, const char *),
                           void *ctx, m4_error *err) {
  char path[64];
  write_scratch(path, text);
  m4_status status = pkt_settings_read(settings, path, warn, ctx, err);
  remove(path);
  return status;
}

static void test_original_file(void **state) {
  (void)state;
  pkt_settings s;
  assert_int_equal(
      pkt_settings_read(&s, M4_TEST_DATA "/ns3/incast8/dctcp_pfc0_buf160/config.txt", NULL, NULL, NULL),
      M4_OK);
  assert_int_equal(s.cc, PKT_CC_DCTCP);
  assert_false(s.enable_pfc);
  assert_true(s.enable_ecn && s.has_window && s.var_window && s.ack_high_priority);
  assert_false(s.fast_react || s.clamp_target_rate || s.max_bdp_window);
  assert_int_equal(s.buffer_kib, 160);
  assert_int_equal(s.window_bytes, 18000);
  assert_int_equal(s.dctcp_ai_bps, 615000000);
  assert_int_equal(s.min_rate_bps, 1000000000);
  assert_int_equal(s.max_rate_bps, 10000000000);
  assert_int_equal(s.stop_time_ns, 10000000000);
  assert_true(s.ewma_gain == 0.0625 && s.timely_beta == 0.8);
  assert_int_equal(s.timely_high_ns, 125000);
  assert_int_equal(s.n_ecn, 3);
  assert_int_equal(s.ecn[1].rate_bps, 40000000000);
  assert_int_equal(s.ecn[1].kmin_kb, 120);
  assert_int_equal(s.ecn[2].kmax_kb, 300000);
  assert_true(s.ecn[0].pmax == 1.0);
}

static void count_warning(void *ctx, const char *text) {
  assert_non_null(strstr(text, ":3: "));
  assert_non_null(strstr(text, "BOGUS"));
  ++*(int *)ctx;
}

static void test_decimals_are_cut_and_unknown_words_warn(void **state) {
  (void)state;
  pkt_settings s;
  int n_warnings = 0;
  assert_int_equal(read_text(&s, "CC_MODE 7\nBUFFER_SIZE 113.9\nBOGUS\nFIXED_WIN 5290.0\n" MAPS,
                             count_warning, &n_warnings, NULL),
                   M4_OK);
  assert_int_equal(n_warnings, 1);
  assert_int_equal(s.buffer_kib, 113);
  assert_int_equal(s.window_bytes, 5290);
  assert_int_equal(s.cc, PKT_CC_TIMELY);
  assert_true(s.ecn[0].kmax_kb == 31 && s.ecn[0].pmax == 0.5);
}

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *text, *what, *where;
  } cases[] = {
      {"CC_MODE 10\n", "CC_MODE 10", ":1"},
      {"CC_MODE ten\n", "CC_MODE", ":1"},
      {"CC_MODE\n", "CC_MODE", ":1"},
      {"\nGLOBAL_T 0\n", "GLOBAL_T", ":2"},
      {"MULTI_RATE 1\n", "MULTI_RATE", ":1"},
      {"RATE_BOUND 0\n", "RATE_BOUND", ":1"},
      {"SAMPLE_FEEDBACK 1\n", "SAMPLE_FEEDBACK", ":1"},
      {"L2_BACK_TO_ZERO 1\n", "L2_BACK_TO_ZERO", ":1"},
      {"L2_ACK_INTERVAL 2\n", "L2_ACK_INTERVAL", ":1"},
      {"LINK_DOWN 0 3 0\n", "LINK_DOWN", ":1"},
      {"ERROR_RATE_PER_LINK 0.001\n", "ERROR_RATE_PER_LINK", ":1"},
      {"PACKET_PAYLOAD_SIZE 1500\n", "PACKET_PAYLOAD_SIZE", ":1"},
      {"MI_THRESH 5\n", "MI_THRESH", ":1"},
      {"ENABLE_PFC 2\n", "ENABLE_PFC", ":1"},
      {"BUFFER_SIZE 0\n", "BUFFER_SIZE", ":1"},
      {"BUFFER_SIZE 1e30\n", "BUFFER_SIZE", ":1"},
      {"BUFFER_SIZE nan\n", "BUFFER_SIZE", ":1"},
      {"FIXED_WIN -5\n", "FIXED_WIN", ":1"},
      {"EWMA_GAIN 1.5\n", "EWMA_GAIN", ":1"},
      {"RATE_AI fast\n", "RATE_AI", ":1"},
      {"MIN_RATE 99999999999Gbps\n", "MIN_RATE", ":1"},
      {"RP_TIMER 0\n", "RP_TIMER", ":1"},
      {"SIMULATOR_STOP_TIME 0\n", "SIMULATOR_STOP_TIME", ":1"},
      {"KMIN_MAP 17 1 1\n", "KMIN_MAP", ":1"},
      {"KMIN_MAP 2 10000000000 30\n", "KMIN_MAP", ":1"},
      {"KMIN_MAP 1 10000000000 30\nKMAX_MAP 1 40000000000 30\n", "KMAX_MAP", ":2"},
      {"KMIN_MAP 1 10000000000 30\nKMAX_MAP 2 10000000000 30 4 5\n", "KMAX_MAP", ":2"},
      {"PMAX_MAP 1 10000000000 1.5\n", "PMAX_MAP", ":1"},
      {"BUFFER_SIZE 100\nFIXED_WIN 1\n" MAPS, "CC_MODE is missing", ""},
      {"CC_MODE 8\nFIXED_WIN 1\n" MAPS, "BUFFER_SIZE is missing", ""},
      {"CC_MODE 8\nBUFFER_SIZE 100\n" MAPS, "FIXED_WIN is missing", ""},
      {"CC_MODE 8\nBUFFER_SIZE 100\nFIXED_WIN 1\n", "KMIN_MAP is missing", ""},
      {"CC_MODE 8\nBUFFER_SIZE 100\nFIXED_WIN 1\nMIN_RATE 20Gbps\n" MAPS, "MIN_RATE", ""},
      {"CC_MODE 3\nU_TARGET 0\nBUFFER_SIZE 100\nFIXED_WIN 1\n" MAPS, "U_TARGET", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pkt_settings s;
    m4_error err = {0};
    assert_int_equal(read_text(&s, cases[i].text, NULL, NULL, &err), M4_DATA);
    if (!strstr(err.what, cases[i].what) || !strstr(err.where, cases[i].where))
      fail_msg("case %zu: \"%s\" at \"%s\"", i, err.what, err.where);
  }
  pkt_settings s;
  assert_int_equal(pkt_settings_read(&s, "/nonexistent/config.txt", NULL, NULL, NULL), M4_IO);
}

/* ---- every key of the table ---- */

static const char REST[] = "CC_MODE 8\nBUFFER_SIZE 100\nFIXED_WIN 1\n" MAPS;

static void assert_refused(const char *name, const char *value) {
  char text[600];
  pkt_settings s;
  m4_error err = {0};
  snprintf(text, sizeof text, "%s%s %s\n", REST, name, value);
  m4_status status = read_text(&s, text, NULL, NULL, &err);
  if (status != M4_DATA || !strstr(err.what, name) || !strstr(err.where, ":7"))
    fail_msg("%s %s: status %d, \"%s\" at \"%s\"", name, value, (int)status, err.what, err.where);
}

static pkt_settings read_with(const char *name, const char *value) {
  char text[600];
  pkt_settings s;
  m4_error err = {0};
  snprintf(text, sizeof text, "%s%s %s\n", REST, name, value);
  if (read_text(&s, text, NULL, NULL, &err) != M4_OK) fail_msg("%s %s: %s", name, value, err.what);
  return s;
}

static void assert_outside_is_refused(const pkt_key *key) {
  char value[64];
  bool rate = key->kind == PKT_KEY_RATE, seconds = key->kind == PKT_KEY_SECONDS;
  assert_refused(key->name, "");
  assert_refused(key->name, "abc");
  assert_refused(key->name, "nan");
  snprintf(value, sizeof value, "%lld%s", (long long)key->min - 1, rate ? "bps" : "");
  assert_refused(key->name, seconds ? "-1" : value);
  snprintf(value, sizeof value, "%lld%s", (long long)key->max + 1, rate ? "bps" : "");
  assert_refused(key->name, seconds ? "1e12" : value);
}

static void test_every_key_is_bounded(void **state) {
  (void)state;
  for (int i = 0; i < PKT_N_KEYS; i++) assert_outside_is_refused(&pkt_keys[i]);
}

/* Both values of every switch arrive; of the others the smallest. */
static void test_every_key_arrives(void **state) {
  (void)state;
  for (int i = 0; i < PKT_N_KEYS; i++) {
    const pkt_key *key = &pkt_keys[i];
    char value[64];
    if (key->kind == PKT_KEY_SWITCH) {
      for (int on = 0; on < 2; on++) {
        pkt_settings s = read_with(key->name, on ? "1" : "0");
        assert_int_equal(*(const bool *)((const char *)&s + key->offset), on);
      }
      continue;
    }
    if (strcmp(key->name, "MAX_RATE") == 0) continue; /* must not be below MIN_RATE */
    snprintf(value, sizeof value, "%lld%s", (long long)key->min, key->kind == PKT_KEY_RATE ? "bps" : "");
    if (key->kind == PKT_KEY_RATE && key->min == 0) snprintf(value, sizeof value, "1bps");
    if (key->kind == PKT_KEY_SECONDS) snprintf(value, sizeof value, "0.000000001");
    pkt_settings s = read_with(key->name, value);
    const void *place = (const char *)&s + key->offset;
    if (key->kind == PKT_KEY_REAL)
      assert_true(*(const double *)place == (double)key->min);
    else
      assert_int_equal(*(const int64_t *)place, key->min > 0 ? key->min : key->kind == PKT_KEY_RATE);
  }
}

/* Keys with one value: it is taken, everything else is refused at every place. */
static void test_fixed_keys(void **state) {
  (void)state;
  for (int i = 0; i < PKT_N_FIXED_KEYS; i++) {
    const pkt_fixed_key *key = &pkt_fixed_keys[i];
    for (int wrong = 0; wrong <= key->n_values; wrong++) {
      char value[64] = "";
      for (int j = 0; j < key->n_values; j++)
        snprintf(value + strlen(value), sizeof value - strlen(value), " %g", key->value + (j == wrong));
      if (wrong < key->n_values)
        assert_refused(key->name, value);
      else
        read_with(key->name, value);
    }
    assert_refused(key->name, "");
    assert_refused(key->name, "abc");
  }
}

/* Every congestion control of the original has a number; four are supported. */
static void test_congestion_controls(void **state) {
  (void)state;
  for (int mode = 0; mode <= 12; mode++) {
    char text[400];
    pkt_settings s;
    m4_error err = {0};
    bool supported = mode == 1 || mode == 3 || mode == 7 || mode == 8;
    snprintf(text, sizeof text, "CC_MODE %d\nBUFFER_SIZE 100\nFIXED_WIN 1\n" MAPS, mode);
    assert_int_equal(read_text(&s, text, NULL, NULL, &err), supported ? M4_OK : M4_DATA);
    if (supported)
      assert_int_equal(s.cc, mode);
    else
      assert_non_null(strstr(err.what, "CC_MODE"));
  }
}

static void assert_round_trip(const pkt_settings *settings) {
  char path[64];
  FILE *out = scratch_file(path);
  pkt_settings again;
  assert_int_equal(pkt_settings_write(settings, out, NULL), M4_OK);
  fclose(out);
  assert_int_equal(pkt_settings_read(&again, path, NULL, NULL, NULL), M4_OK);
  remove(path);
  assert_int_equal(again.cc, settings->cc);
  assert_memory_equal(&again.enable_pfc, &settings->enable_pfc,
                      offsetof(pkt_settings, max_bdp_window) + 1 - offsetof(pkt_settings, enable_pfc));
  assert_memory_equal(&again.payload_bytes, &settings->payload_bytes,
                      offsetof(pkt_settings, n_ecn) - offsetof(pkt_settings, payload_bytes));
  assert_int_equal(again.n_ecn, settings->n_ecn);
  for (int32_t i = 0; i < again.n_ecn; i++) {
    assert_int_equal(again.ecn[i].rate_bps, settings->ecn[i].rate_bps);
    assert_int_equal(again.ecn[i].kmin_kb, settings->ecn[i].kmin_kb);
    assert_int_equal(again.ecn[i].kmax_kb, settings->ecn[i].kmax_kb);
    assert_true(again.ecn[i].pmax == settings->ecn[i].pmax);
  }
}

static void test_settings_of_the_authors(void **state) {
  (void)state;
  pkt_settings s;
  assert_int_equal(pkt_settings_for(&s, PKT_CC_DCTCP, 102.1, 6375, 11.85, 0, NULL), M4_OK);
  assert_true(s.buffer_kib == 102 && s.ecn[0].kmin_kb == 11 && s.ecn[0].kmax_kb == 11 &&
              s.ecn[0].pmax == 1.0);
  assert_true(s.ack_high_priority && s.ewma_gain == 1.0 / 16 && s.dctcp_ai_bps == 615000000);
  assert_round_trip(&s);
  assert_int_equal(
      pkt_settings_for(&s, PKT_CC_DCQCN, 120, 12933, 21.785313677518175, 46.18860913355653, NULL), M4_OK);
  assert_true(s.ecn[0].kmin_kb == 8 && s.ecn[0].kmax_kb == 18 && s.ecn[1].kmin_kb == 32 &&
              s.ecn[0].pmax == 0.2);
  assert_true(!s.ack_high_priority && s.rp_timer_us == 55 && s.alpha_resume_us == 50 &&
              s.hai_bps == 20000000);
  assert_round_trip(&s);
  assert_int_equal(pkt_settings_for(&s, PKT_CC_TIMELY, 129, 9093, 41.2916, 147.15, NULL), M4_OK);
  assert_true(s.timely_low_ns == 41291 && s.timely_high_ns == 147150 && s.hai_bps == 50000000 &&
              s.ack_high_priority);
  assert_round_trip(&s);
  assert_int_equal(pkt_settings_for(&s, PKT_CC_HPCC, 129, 9093, 95, 50, NULL), M4_OK);
  assert_true(s.u_target == 0.95 && s.ai_bps == 500000000 && s.fast_react);
  assert_round_trip(&s);
  assert_int_equal(pkt_settings_for(&s, (pkt_cc_mode)9, 129, 9093, 95, 50, NULL), M4_USAGE);
  assert_int_equal(pkt_settings_for(&s, PKT_CC_DCTCP, NAN, 9093, 95, 50, NULL), M4_DATA);
  assert_int_equal(pkt_settings_for(&s, PKT_CC_DCTCP, 100, -1, 95, 50, NULL), M4_DATA);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_original_file),
                                     cmocka_unit_test(test_decimals_are_cut_and_unknown_words_warn),
                                     cmocka_unit_test(test_refusals),
                                     cmocka_unit_test(test_every_key_is_bounded),
                                     cmocka_unit_test(test_every_key_arrives),
                                     cmocka_unit_test(test_fixed_keys),
                                     cmocka_unit_test(test_congestion_controls),
                                     cmocka_unit_test(test_settings_of_the_authors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
