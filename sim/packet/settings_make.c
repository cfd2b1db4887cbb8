/* Making settings: defaults, what the authors' scripts use for each congestion control, and writing
 * config.txt. Source: packet-simulator.md 8, workloads.md 8. */
#include "sim/packet/settings.h"

#include "base/text.h"
#include "sim/packet/settings_keys.h"

#define MBPS      ((int64_t)1000000)
#define SECOND_NS ((int64_t)1000000000)

/* Port rates of the written maps: 10G, 40G, and a rate no port has. */
static const int64_t map_rates_bps[] = {10000 * MBPS, 40000 * MBPS, 100000000 * MBPS};
static const int64_t map_scale[] = {1, 4, 10000};
enum { N_MAP_RATES = 3 };

pkt_settings pkt_settings_default(void) {
  return (pkt_settings){.cc = PKT_CC_DCTCP,
                        .enable_pfc = true,
                        .enable_ecn = true,
                        .has_window = true,
                        .var_window = true,
                        .payload_bytes = 1000,
                        .buffer_kib = 160,
                        .window_bytes = 18000,
                        .min_rate_bps = 1000 * MBPS,
                        .max_rate_bps = 10000 * MBPS,
                        .dctcp_ai_bps = 1000 * MBPS,
                        .ai_bps = 10 * MBPS,
                        .hai_bps = 10 * MBPS,
                        .ewma_gain = 1.0 / 256,
                        .u_target = 0.95,
                        .int_multi = 1,
                        .timely_beta = 0.8,
                        .alpha_resume_us = 1,
                        .rate_decrease_us = 4,
                        .rp_timer_us = 300,
                        .fast_recovery_times = 1,
                        .stop_time_ns = 30000 * SECOND_NS,
                        .hosts_per_group = 1};
}

static void set_ecn(pkt_settings *settings, int64_t kmin_kb, int64_t kmax_kb, double pmax) {
  settings->n_ecn = N_MAP_RATES;
  for (int i = 0; i < N_MAP_RATES; i++)
    settings->ecn[i] = (pkt_ecn_row){map_rates_bps[i], kmin_kb * map_scale[i], kmax_kb * map_scale[i], pmax};
}

static void set_dcqcn(pkt_settings *settings, double kmin, double kmax) {
  settings->alpha_resume_us = settings->rate_decrease_us = 50;
  settings->rp_timer_us = 55;
  settings->ai_bps = 2 * MBPS;
  settings->hai_bps = 20 * MBPS;
  set_ecn(settings, (int64_t)(0.4 * kmin), (int64_t)(0.4 * kmax), 0.2);
}

m4_status pkt_settings_for(pkt_settings *settings, pkt_cc_mode cc, double buffer_kb, int64_t window_bytes,
                           double p1, double p2, m4_error *err) {
  *settings = pkt_settings_default();
  if (!(buffer_kb >= 1 && buffer_kb <= 1e9))
    return m4_fail(err, M4_DATA, "BUFFER_SIZE", "a buffer of %g KB is not sane", buffer_kb);
  if (!(p1 >= 0 && p1 <= 1e9 && p2 >= 0 && p2 <= 1e9))
    return m4_fail(err, M4_DATA, NULL, "parameters %g and %g are not sane", p1, p2);
  settings->cc = cc;
  settings->buffer_kib = (int64_t)buffer_kb;
  settings->window_bytes = window_bytes;
  settings->ack_high_priority = cc == PKT_CC_DCTCP || cc == PKT_CC_TIMELY;
  set_ecn(settings, 4, 16, 0.2);
  switch (cc) {
  case PKT_CC_DCTCP:
    settings->ewma_gain = 1.0 / 16;
    settings->dctcp_ai_bps = 615 * MBPS;
    set_ecn(settings, (int64_t)p1, (int64_t)p1, 1.0);
    break;
  case PKT_CC_DCQCN:
    set_dcqcn(settings, p1, p2);
    break;
  case PKT_CC_TIMELY:
    settings->hai_bps = 50 * MBPS;
    settings->timely_low_ns = (int64_t)(p1 * 1000);
    settings->timely_high_ns = (int64_t)(p2 * 1000);
    break;
  case PKT_CC_HPCC:
    settings->u_target = p1 / 100;
    settings->ai_bps = settings->hai_bps = (int64_t)(p2 * 10 * (double)MBPS);
    settings->fast_react = true;
    break;
  default:
    return m4_fail(err, M4_USAGE, "CC_MODE", "CC_MODE %d is unknown", (int)cc);
  }
  return pkt_settings_check(settings, err);
}

/* ---- writing ---- */

static void write_key(const pkt_settings *settings, const pkt_key *key, FILE *out) {
  const void *place = (const char *)settings + key->offset;
  long long value = key->kind == PKT_KEY_SWITCH ? *(const bool *)place
                    : key->kind == PKT_KEY_REAL ? 0
                                                : *(const int64_t *)place;
  char real[32];
  switch (key->kind) {
  case PKT_KEY_SWITCH:
  case PKT_KEY_INTEGER:
    fprintf(out, "%s %lld\n", key->name, value);
    break;
  case PKT_KEY_RATE:
    if (value % MBPS == 0)
      fprintf(out, "%s %lldMb/s\n", key->name, value / (long long)MBPS);
    else
      fprintf(out, "%s %lldbps\n", key->name, value);
    break;
  case PKT_KEY_SECONDS:
    fprintf(out, "%s %lld.%09lld\n", key->name, value / (long long)SECOND_NS, value % (long long)SECOND_NS);
    break;
  case PKT_KEY_REAL:
    m4_format_real(real, sizeof real, *(const double *)place);
    fprintf(out, "%s %s\n", key->name, real);
    break;
  }
}

static void write_maps(const pkt_settings *settings, FILE *out) {
  static const char *const names[] = {"KMIN_MAP", "KMAX_MAP", "PMAX_MAP"};
  for (int map = 0; map < 3 && settings->n_ecn > 0; map++) {
    fprintf(out, "%s %d", names[map], settings->n_ecn);
    for (int32_t i = 0; i < settings->n_ecn; i++) {
      const pkt_ecn_row *row = &settings->ecn[i];
      char real[32];
      m4_format_real(real, sizeof real, row->pmax);
      fprintf(out, " %lld ", (long long)row->rate_bps);
      if (map == 2)
        fputs(real, out);
      else
        fprintf(out, "%lld", (long long)(map == 0 ? row->kmin_kb : row->kmax_kb));
    }
    fputc('\n', out);
  }
}

m4_status pkt_settings_write(const pkt_settings *settings, FILE *out, m4_error *err) {
  fprintf(out, "CC_MODE %d\n", (int)settings->cc);
  for (int i = 0; i < PKT_N_KEYS; i++) write_key(settings, &pkt_keys[i], out);
  write_maps(settings, out);
  for (int i = 0; i < PKT_N_FIXED_KEYS; i++) {
    fputs(pkt_fixed_keys[i].name, out);
    for (int j = 0; j < pkt_fixed_keys[i].n_values; j++) fprintf(out, " %g", pkt_fixed_keys[i].value);
    fputc('\n', out);
  }
  fputs("L2_CHUNK_SIZE 4000\nENABLE_TRACE 0\nTOPOLOGY_FILE topology.txt\nFLOW_FILE flows.txt\nTRACE_FILE "
        "trace.txt\n"
        "TRACE_OUTPUT_FILE mix.tr\nFCT_OUTPUT_FILE fct.txt\nPFC_OUTPUT_FILE pfc.txt\nPINT_LOG_BASE "
        "1.05\nPINT_PROB 1.0\n"
        "QLEN_MON_FILE qlen.txt\nQLEN_MON_START 99000000000\nQLEN_MON_END 99000000000\nBASE_RTT 14400\n",
        out);
  return ferror(out) ? m4_fail(err, M4_IO, "config.txt", "cannot write") : M4_OK;
}
