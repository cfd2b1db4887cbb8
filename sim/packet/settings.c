/* Reading and checking config.txt. Decimals given for integers are cut, as the original's parser does;
 * everything the simulator does not do is refused by name instead of being ignored. Source:
 * packet-simulator.md 8. */
#include "sim/packet/settings.h"

#include "base/text.h"
#include "sim/packet/cc/cc.h"
#include "sim/packet/settings_keys.h"
#include "sim/text.h"

#include <string.h>

typedef struct reader {
  sim_text text;
  pkt_settings *settings;
  bool seen[PKT_N_KEYS], seen_cc, seen_map[3];
  int32_t n_rows; /* of the first ECN map */
  void (*warn)(void *ctx, const char *text);
  void *warn_ctx;
} reader;

/* Keys without effect on results, and how many values follow. */
static const struct {
  const char *name;
  int n_values;
} ignored_keys[] = {
    {"DATA_RATE", 1},       {"LINK_DELAY", 1},      {"PAUSE_TIME", 1},        {"L2_CHUNK_SIZE", 1},
    {"TOPOLOGY_FILE", 1},   {"FLOW_FILE", 1},       {"TRACE_FILE", 1},        {"TRACE_OUTPUT_FILE", 1},
    {"FCT_OUTPUT_FILE", 1}, {"PFC_OUTPUT_FILE", 1}, {"PINT_LOG_BASE", 1},     {"PINT_PROB", 1},
    {"ENABLE_TRACE", 1},    {"QLEN_MON_FILE", 1},   {"QLEN_MON_START", 1},    {"QLEN_MON_END", 1},
    {"BASE_RTT", 1},        {"STOP_WHEN_DONE", 1},  {"STATS_OUTPUT_FILE", 1}, {"PATH_OUTPUT_FILE", 1},
    {"FULL_TRACE", 1},      {"QSAMPLE", 4},         {"FSAMPLE", 4},
};

static const char *const map_keys[] = {"KMIN_MAP", "KMAX_MAP", "PMAX_MAP"};

static void *member(pkt_settings *settings, const pkt_key *key) {
  return (char *)settings + key->offset;
}

static m4_status read_integer(sim_text *text, const char *name, int64_t min, int64_t max, int64_t *value,
                              m4_error *err) {
  double real;
  M4_TRY(sim_text_real(text, name, &real, err));
  if (!(real >= (double)min && real < (double)max + 1))
    return sim_text_fail(text, err, "%s is %g, must be between %lld and %lld", name, real, (long long)min,
                         (long long)max);
  *value = (int64_t)real;
  return M4_OK;
}

static m4_status read_key(reader *r, const pkt_key *key, m4_error *err) {
  sim_text *text = &r->text;
  void *place = member(r->settings, key);
  int64_t value;
  switch (key->kind) {
  case PKT_KEY_SWITCH:
    M4_TRY(read_integer(text, key->name, 0, 1, &value, err));
    *(bool *)place = value == 1;
    return M4_OK;
  case PKT_KEY_INTEGER:
    return read_integer(text, key->name, key->min, key->max, place, err);
  case PKT_KEY_SECONDS:
    return sim_text_decimal(text, key->name, 9, key->min, key->max, place, err);
  case PKT_KEY_RATE:
    M4_TRY(sim_text_rate(text, key->name, &value, err));
    if (value > key->max) return sim_text_fail(text, err, "%s is too large", key->name);
    *(int64_t *)place = value;
    return M4_OK;
  case PKT_KEY_REAL: {
    double real;
    M4_TRY(sim_text_real(text, key->name, &real, err));
    if (!(real >= (double)key->min && real <= (double)key->max))
      return sim_text_fail(text, err, "%s is %g, must be between %lld and %lld", key->name, real,
                           (long long)key->min, (long long)key->max);
    *(double *)place = real;
    return M4_OK;
  }
  }
  return M4_OK;
}

static m4_status read_fixed(reader *r, const pkt_fixed_key *key, m4_error *err) {
  for (int i = 0; i < key->n_values; i++) {
    double value;
    M4_TRY(sim_text_real(&r->text, key->name, &value, err));
    if (value != key->value)
      return sim_text_fail(&r->text, err, "%s %g is not supported, only %g", key->name, value, key->value);
  }
  return M4_OK;
}

static m4_status read_cc(reader *r, m4_error *err) {
  int64_t mode;
  char list[200] = "";
  M4_TRY(sim_text_int(&r->text, "CC_MODE", 0, INT32_MAX, &mode, err));
  r->settings->cc = (pkt_cc_mode)mode;
  r->seen_cc = true;
  if (pkt_cc_find(r->settings->cc)) return M4_OK;
  pkt_cc_list(list, sizeof list);
  return sim_text_fail(&r->text, err, "CC_MODE %lld is not supported, only %s", (long long)mode, list);
}

/* "n  rate value  rate value ...". All three maps must list the same rates in the same order. */
static m4_status read_map(reader *r, int map, m4_error *err) {
  sim_text *text = &r->text;
  const char *name = map_keys[map];
  pkt_settings *settings = r->settings;
  int64_t n_rows, rate, max_k = (int64_t)1 << 40;
  M4_TRY(sim_text_int(text, name, 1, PKT_MAX_RATES, &n_rows, err));
  bool first = !r->seen_map[0] && !r->seen_map[1] && !r->seen_map[2];
  if (!first && n_rows != settings->n_ecn)
    return sim_text_fail(text, err, "%s has another number of rates than the map before", name);
  settings->n_ecn = (int32_t)n_rows;
  for (int32_t i = 0; i < n_rows; i++) {
    pkt_ecn_row *row = &settings->ecn[i];
    M4_TRY(sim_text_int(text, name, 1, INT64_MAX, &rate, err));
    if (!first && rate != row->rate_bps)
      return sim_text_fail(text, err, "%s has other rates than the map before", name);
    row->rate_bps = rate;
    if (map == 0) M4_TRY(read_integer(text, name, 0, max_k, &row->kmin_kb, err));
    if (map == 1) M4_TRY(read_integer(text, name, 0, max_k, &row->kmax_kb, err));
    if (map == 2) M4_TRY(sim_text_real(text, name, &row->pmax, err));
    if (!(row->pmax >= 0 && row->pmax <= 1))
      return sim_text_fail(text, err, "%s is %g, must be between 0 and 1", name, row->pmax);
  }
  r->seen_map[map] = true;
  return M4_OK;
}

static void warn_unknown(const reader *r, const char *word) {
  char shown[64], text[700];
  if (!r->warn) return;
  m4_text_show(shown, sizeof shown, word);
  snprintf(text, sizeof text, "%s:%lld: unknown word \"%s\" skipped", r->text.path, (long long)r->text.line,
           shown);
  r->warn(r->warn_ctx, text);
}

static m4_status read_word(reader *r, const char *word, m4_error *err) {
  for (int i = 0; i < PKT_N_KEYS; i++)
    if (strcmp(word, pkt_keys[i].name) == 0) {
      r->seen[i] = true;
      return read_key(r, &pkt_keys[i], err);
    }
  for (int i = 0; i < PKT_N_FIXED_KEYS; i++)
    if (strcmp(word, pkt_fixed_keys[i].name) == 0) return read_fixed(r, &pkt_fixed_keys[i], err);
  for (int i = 0; i < 3; i++)
    if (strcmp(word, map_keys[i]) == 0) return read_map(r, i, err);
  if (strcmp(word, "CC_MODE") == 0) return read_cc(r, err);
  for (size_t i = 0; i < sizeof ignored_keys / sizeof *ignored_keys; i++) {
    if (strcmp(word, ignored_keys[i].name) != 0) continue;
    for (int j = 0; j < ignored_keys[i].n_values; j++) sim_text_word(&r->text);
    return M4_OK;
  }
  warn_unknown(r, word);
  return M4_OK;
}

/* ---- completeness ---- */

static m4_status missing(const reader *r, const char *name, m4_error *err) {
  return m4_fail(err, M4_DATA, r->text.path, "%s is missing", name);
}

static bool seen(const reader *r, const char *name) {
  for (int i = 0; i < PKT_N_KEYS; i++)
    if (strcmp(pkt_keys[i].name, name) == 0) return r->seen[i];
  return false;
}

static m4_status check_complete(const reader *r, m4_error *err) {
  if (!r->seen_cc) return missing(r, "CC_MODE", err);
  if (!seen(r, "BUFFER_SIZE")) return missing(r, "BUFFER_SIZE", err);
  if (r->settings->has_window && !r->settings->max_bdp_window && !seen(r, "FIXED_WIN"))
    return missing(r, "FIXED_WIN", err);
  for (int i = 0; i < 3; i++)
    if (r->settings->enable_ecn && !r->seen_map[i]) return missing(r, map_keys[i], err);
  return M4_OK;
}

m4_status pkt_settings_read(pkt_settings *settings, const char *path,
                            void (*warn)(void *ctx, const char *text), void *ctx, m4_error *err) {
  reader r = {.settings = settings, .warn = warn, .warn_ctx = ctx};
  *settings = pkt_settings_default();
  M4_TRY(sim_text_open(&r.text, path, err));
  m4_status status = M4_OK;
  while (status == M4_OK && sim_text_line(&r.text)) {
    for (const char *word; status == M4_OK && (word = sim_text_word(&r.text));)
      status = read_word(&r, word, err);
  }
  if (status == M4_OK) status = check_complete(&r, err);
  if (status == M4_OK && (status = pkt_settings_check(settings, err)) != M4_OK) m4_within(err, status, path);
  sim_text_close(&r.text);
  return status;
}

/* ---- values ---- */

static m4_status check_key(const pkt_settings *settings, const pkt_key *key, m4_error *err) {
  const void *place = (const char *)settings + key->offset;
  if (key->kind == PKT_KEY_SWITCH) return M4_OK;
  double value = key->kind == PKT_KEY_REAL ? *(const double *)place : (double)*(const int64_t *)place;
  bool in_range = key->kind == PKT_KEY_REAL
                      ? value >= (double)key->min && value <= (double)key->max
                      : *(const int64_t *)place >= key->min && *(const int64_t *)place <= key->max;
  if (in_range) return M4_OK;
  return m4_fail(err, M4_DATA, key->name, "%s is %.17g, must be between %lld and %lld", key->name, value,
                 (long long)key->min, (long long)key->max);
}

m4_status pkt_settings_check(const pkt_settings *settings, m4_error *err) {
  for (int i = 0; i < PKT_N_KEYS; i++) M4_TRY(check_key(settings, &pkt_keys[i], err));
  if (settings->min_rate_bps > settings->max_rate_bps)
    return m4_fail(err, M4_DATA, "MIN_RATE", "MIN_RATE %lld is above MAX_RATE %lld",
                   (long long)settings->min_rate_bps, (long long)settings->max_rate_bps);
  if (settings->cc == PKT_CC_HPCC && settings->u_target <= 0)
    return m4_fail(err, M4_DATA, "U_TARGET", "U_TARGET must be above 0");
  if (settings->n_ecn < 0 || settings->n_ecn > PKT_MAX_RATES)
    return m4_fail(err, M4_DATA, "KMIN_MAP", "%d rates, must be between 0 and %d", settings->n_ecn,
                   PKT_MAX_RATES);
  for (int32_t i = 0; i < settings->n_ecn; i++) {
    const pkt_ecn_row *row = &settings->ecn[i];
    if (row->kmin_kb < 0 || row->kmin_kb > (int64_t)1 << 40 || row->kmax_kb < row->kmin_kb ||
        row->kmax_kb > (int64_t)1 << 40 || !(row->pmax >= 0 && row->pmax <= 1))
      return m4_fail(err, M4_DATA, "KMIN_MAP",
                     "thresholds %lld..%lld with share %g at %lld bit/s are not sane",
                     (long long)row->kmin_kb, (long long)row->kmax_kb, row->pmax, (long long)row->rate_bps);
  }
  return M4_OK;
}
