/* The progress line of m4-sim; see meter.h. */
#include "sim/meter.h"

#include <stdatomic.h>
#include <stdlib.h>

struct sim_meter {
  m4_progress *progress;
  _Atomic uint64_t done;
  bool single;
};

m4_status sim_meter_create(sim_meter **meter, m4_log *log, uint64_t flows, bool single, m4_error *err) {
  *meter = calloc(1, sizeof **meter);
  if (!*meter) return m4_fail(err, M4_MEMORY, NULL, "no memory for the progress line");
  (*meter)->single = single;
  return m4_progress_create(&(*meter)->progress, log, "simulate", "flows", flows, err);
}

void sim_meter_free(sim_meter *meter) {
  if (!meter) return;
  m4_progress_free(meter->progress);
  free(meter);
}

static void simulated_text(double ns, char *text, size_t bytes) {
  if (ns < 1e6)
    snprintf(text, bytes, "%.1f us", ns * 1e-3);
  else if (ns < 1e9)
    snprintf(text, bytes, "%.2f ms", ns * 1e-6);
  else
    snprintf(text, bytes, "%.3f s", ns * 1e-9);
}

void sim_meter_add(sim_meter *meter, const char *backend, uint64_t flows, double now_ns, int64_t left) {
  char note[96], simulated[32];
  uint64_t done = atomic_fetch_add(&meter->done, flows) + flows;
  if (!meter->single) {
    m4_progress_update(meter->progress, done, NULL);
    return;
  }
  simulated_text(now_ns, simulated, sizeof simulated);
  snprintf(note, sizeof note, "(%s: %s simulated, %lld flows left)", backend, simulated, (long long)left);
  m4_progress_update(meter->progress, done, note);
}
