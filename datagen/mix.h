/* Mix files: JSON lists of scenarios to generate, and the published sets of them. Knows base and the
 * simulator's names of congestion controls; does not open the files that entries name. Source:
 * workloads.md 6. */
#ifndef DATAGEN_MIX_H
#define DATAGEN_MIX_H

#include "base/status.h"
#include "sim/packet/settings.h"

#include <stddef.h>

/* One scenario. Texts are owned by the mix. */
typedef struct dg_mix_entry {
  int64_t id;
  char *spatial, *size_dist, *cluster; /* paths, as in the file */
  double lognorm_sigma, max_load;
  double duration_s; /* 0: so many flows instead */
  int64_t param_id;
  double bfsz; /* units of 10 KB */
  int64_t window_bytes;
  bool enable_pfc;
  pkt_cc_mode cc;
  double param_1, param_2;    /* of the congestion control, workloads.md 6.3 */
  int64_t max_inflight_flows; /* closed loop, all flows start together; 0: open loop */
} dg_mix_entry;

typedef struct dg_mix {
  size_t n_entries;
  dg_mix_entry *entries;
} dg_mix;

/* Reads an array of objects, or a single object. Absent keys get the defaults of workloads.md 6.1 (id: the
 * position); unknown or repeated keys, values of another type or out of range, and ids that occur twice are
 * M4_DATA naming file, entry and key. */
m4_status dg_mix_read(dg_mix **mix, const char *path, m4_error *err);

/* Writes the same bytes as the reference's scripts; every number reads back exactly. */
m4_status dg_mix_write(const dg_mix *mix, const char *path, m4_error *err);

/* A published set (workloads.md 6.2, 6.3), bit for bit: eval_train, eval_test, eval_test_trace, eval_app,
 * demo, large_scale, large_scale_1s, size_sweep, late_large_scale. M4_USAGE for other names, with the nearest
 * one. */
m4_status dg_mix_published(dg_mix **mix, const char *name, m4_error *err);
/* A published name, not a file. */
bool dg_mix_is_published(const char *name);

void dg_mix_free(dg_mix *mix); /* NULL accepted */

/* For makers of mixes: n_entries zeroed entries. */
m4_status dg_mix_create(dg_mix **mix, size_t n_entries, m4_error *err);

/* "dctcp", "dcqcn", "timely", "hp"; false in dg_cc_of_name for other names. */
const char *dg_cc_name(pkt_cc_mode cc);
bool dg_cc_of_name(pkt_cc_mode *cc, const char *name);

#endif
