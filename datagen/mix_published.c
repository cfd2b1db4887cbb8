/* The published sets, drawn as the reference's scripts drew them. Source: workloads.md 6.2, 6.3; the paths
 * are those in the published files. */
#include "datagen/mix.h"

#include "base/text.h"
#include "datagen/mt19937.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKLOAD      "../../workload/"
#define SPATIALS      WORKLOAD "spatials/cluster_"
#define FACEBOOK      WORKLOAD "distributions/facebook/"
#define SYNTHETIC     WORKLOAD "distributions/synthetic/sync-all-"
#define BIG_TOPOLOGY  WORKLOAD "topologies/cluster_b_"
#define SMALL_CLUSTER "spec/cluster_"

enum { SEED = 42, SYNTHETIC_TABLES = 2000, PATH_BYTES = 128, N_LETTERS = 3 };

__attribute__((format(printf, 3, 4))) static m4_status set_path(char **path, m4_error *err,
                                                                const char *format, ...) {
  char text[PATH_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  *path = strdup(text);
  return *path ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for a mix");
}

/* ---- sets whose entries are drawn ---- */

typedef struct drawn_set {
  const char *name;
  size_t n_drawn, n_repeats; /* repeated with in-flight limits 1, 3, 5, ...; 1: once, open loop */
  const char *letters;       /* three: equal ones consume draws all the same */
  const char *matrix, *cluster_prefix, *cluster; /* parts of the paths */
  bool synthetic;
  double bfsz_low, bfsz_high, duration_s;
} drawn_set;

static const drawn_set drawn_sets[] = {
    {"eval_train", 4000, 1, "abc", "_2_4", SMALL_CLUSTER, "_eval_train", true, 10, 16, 0},
    {"eval_test", 100, 1, "abc", "_4_16", SMALL_CLUSTER, "_eval_test", false, 10, 16, 0},
    {"eval_test_trace", 100, 1, "abc", "_2_4", SMALL_CLUSTER, "_eval_train", false, 10, 16, 0},
    {"eval_app", 15, 10, "ddd", "_2_8", SMALL_CLUSTER, "_eval_app", false, 16, 16, 0},
    {"demo", 1, 1, "abc", "_2_4", SMALL_CLUSTER, "_eval_train", true, 10, 16, 0},
    {"late_large_scale", 100, 1, "abc", "_8_48", BIG_TOPOLOGY, "_m4", false, 10, 16, 1}};

static m4_status draw_sizes(dg_mix_entry *entry, const drawn_set *set, dg_mt19937 *mt, m4_error *err) {
  static const char *const measured[] = {"webserver", "hadoop", "cachefollower"};
  if (set->synthetic)
    return set_path(&entry->size_dist, err, SYNTHETIC "%u.txt", dg_mt_below(mt, SYNTHETIC_TABLES));
  return set_path(&entry->size_dist, err, FACEBOOK "%s-all.txt", measured[dg_mt_below(mt, 3)]);
}

static void draw_cc(dg_mix_entry *entry, dg_mt19937 *mt) {
  static const pkt_cc_mode modes[] = {PKT_CC_DCTCP, PKT_CC_DCQCN, PKT_CC_TIMELY};
  entry->cc = modes[dg_mt_below(mt, 3)];
  bool timely = entry->cc == PKT_CC_TIMELY;
  entry->param_1 = timely ? dg_mt_uniform(mt, 40, 60) : dg_mt_uniform(mt, 10, 30);
  if (entry->cc != PKT_CC_DCTCP)
    entry->param_2 = timely ? dg_mt_uniform(mt, 100, 150) : dg_mt_uniform(mt, 30, 50);
}

/* The order of the draws is the set. */
static m4_status draw_entry(dg_mix_entry *entry, const drawn_set *set, dg_mt19937 *mt, m4_error *err) {
  char letter = set->letters[dg_mt_below(mt, N_LETTERS)];
  M4_TRY(set_path(&entry->spatial, err, SPATIALS "%c%s.json", letter, set->matrix));
  M4_TRY(draw_sizes(entry, set, mt, err));
  entry->lognorm_sigma = 1 + dg_mt_below(mt, 2);
  entry->max_load = dg_mt_uniform(mt, 0.3, 0.8);
  M4_TRY(set_path(&entry->cluster, err, "%s%d_to_1%s.json", set->cluster_prefix, 1 << dg_mt_below(mt, 3),
                  set->cluster));
  entry->bfsz = dg_mt_uniform(mt, set->bfsz_low, set->bfsz_high);
  entry->window_bytes = (int64_t)dg_mt_uniform(mt, 5000, 15000);
  dg_mt_below(mt, 2); /* PFC: a choice between 1 and 1 */
  entry->enable_pfc = true;
  draw_cc(entry, mt);
  entry->duration_s = set->duration_s;
  return M4_OK;
}

/* Copies the first n entries to place `to` with another limit and new ids. */
static m4_status repeat(dg_mix *mix, size_t n, size_t to, int64_t limit, m4_error *err) {
  for (size_t i = 0; i < n; ++i) {
    dg_mix_entry *copy = &mix->entries[to + i];
    const dg_mix_entry *entry = &mix->entries[i];
    *copy = *entry;
    copy->spatial = copy->size_dist = copy->cluster = NULL;
    M4_TRY(set_path(&copy->spatial, err, "%s", entry->spatial));
    M4_TRY(set_path(&copy->size_dist, err, "%s", entry->size_dist));
    M4_TRY(set_path(&copy->cluster, err, "%s", entry->cluster));
    copy->max_inflight_flows = limit;
  }
  return M4_OK;
}

static m4_status draw_set(dg_mix *mix, const drawn_set *set, m4_error *err) {
  dg_mt19937 mt;
  dg_mt_seed(&mt, SEED);
  bool closed_loop = set->n_repeats > 1;
  for (size_t i = 0; i < set->n_drawn; ++i) {
    M4_TRY(draw_entry(&mix->entries[i], set, &mt, err));
    mix->entries[i].max_inflight_flows = closed_loop;
  }
  for (size_t r = 1; r < set->n_repeats; ++r)
    M4_TRY(repeat(mix, set->n_drawn, r * set->n_drawn, (int64_t)(2 * r + 1), err));
  return M4_OK;
}

/* ---- sets written by hand: matrix B on large fabrics, DCTCP with K = 20 ---- */

typedef struct written_entry {
  const char *name, *matrix, *sizes, *cluster;
  double sigma, max_load;
  int64_t window_bytes;
  double duration_s;
} written_entry;

static const written_entry written[] = {
    {"large_scale", "b", "cachefollower", "2_to_1_m4", 1, 0.5, 10000, 10},
    {"large_scale", "b", "webserver", "2_to_1_m4", 1, 0.5, 10000, 10},
    {"large_scale", "b", "hadoop", "2_to_1_m4", 1, 0.5, 10000, 10},
    {"large_scale_1s", "b", "cachefollower", "2_to_1_m4", 1, 0.5, 10000, 1},
    {"large_scale_1s", "b", "webserver", "2_to_1_m4", 1, 0.5, 10000, 1},
    {"large_scale_1s", "b", "hadoop", "2_to_1_m4", 1, 0.5, 10000, 1},
    {"size_sweep", "b", "cachefollower", "2_to_1_m4", 2, 0.3, 15000, 1},
    {"size_sweep", "b_12k", "cachefollower", "2_to_1_12k", 2, 0.3, 15000, 1},
    {"size_sweep", "b_24k", "cachefollower", "2_to_1_24k", 2, 0.3, 15000, 1},
    {"size_sweep", "b_36k", "cachefollower", "2_to_1_36k", 2, 0.3, 15000, 1},
    {"size_sweep", "b_48k", "cachefollower", "2_to_1_48k", 2, 0.3, 15000, 1},
    {"size_sweep", "b_60k", "cachefollower", "2_to_1_60k", 2, 0.3, 15000, 1}};
enum { N_WRITTEN = sizeof written / sizeof *written, N_DRAWN = sizeof drawn_sets / sizeof *drawn_sets };

static m4_status write_entry(dg_mix_entry *entry, const written_entry *from, m4_error *err) {
  *entry = (dg_mix_entry){.lognorm_sigma = from->sigma,
                          .max_load = from->max_load,
                          .duration_s = from->duration_s,
                          .bfsz = 10,
                          .window_bytes = from->window_bytes,
                          .enable_pfc = true,
                          .cc = PKT_CC_DCTCP,
                          .param_1 = 20};
  M4_TRY(set_path(&entry->spatial, err, SPATIALS "%s.json", from->matrix));
  M4_TRY(set_path(&entry->size_dist, err, FACEBOOK "%s-all.txt", from->sizes));
  return set_path(&entry->cluster, err, BIG_TOPOLOGY "%s.json", from->cluster);
}

/* ---- by name ---- */

static const drawn_set *find_drawn(const char *name) {
  for (size_t i = 0; i < N_DRAWN; ++i)
    if (strcmp(drawn_sets[i].name, name) == 0) return &drawn_sets[i];
  return NULL;
}

static size_t count_written(const char *name, size_t *first) {
  size_t count = 0;
  for (size_t i = N_WRITTEN; i-- > 0;)
    if (strcmp(written[i].name, name) == 0) *first = i, ++count;
  return count;
}

bool dg_mix_is_published(const char *name) {
  size_t first;
  return find_drawn(name) || count_written(name, &first) > 0;
}

static m4_status fail_unknown(const char *name, m4_error *err) {
  m4_nearest nearest = m4_nearest_to(name);
  for (size_t i = 0; i < N_DRAWN; ++i) m4_nearest_offer(&nearest, drawn_sets[i].name);
  for (size_t i = 0; i < N_WRITTEN; ++i) m4_nearest_offer(&nearest, written[i].name);
  m4_status status = m4_fail(err, M4_USAGE, "published sets", "\"%.64s\" is not one of them", name);
  if (m4_nearest_is_close(&nearest)) return m4_hint(err, status, "did you mean %s?", nearest.name);
  return m4_hint(err, status,
                 "eval_train, eval_test, eval_test_trace, eval_app, demo, large_scale, large_scale_1s, "
                 "size_sweep, late_large_scale");
}

m4_status dg_mix_published(dg_mix **mix, const char *name, m4_error *err) {
  *mix = NULL;
  size_t first = 0, n_written = count_written(name, &first);
  const drawn_set *set = find_drawn(name);
  if (!set && n_written == 0) return fail_unknown(name, err);
  dg_mix *made;
  M4_TRY(dg_mix_create(&made, set ? set->n_drawn * set->n_repeats : n_written, err));
  m4_status status = set ? draw_set(made, set, err) : M4_OK;
  for (size_t i = 0; status == M4_OK && i < n_written; ++i)
    status = write_entry(&made->entries[i], &written[first + i], err);
  for (size_t i = 0; i < made->n_entries; ++i) made->entries[i].id = (int64_t)i;
  if (status == M4_OK)
    *mix = made;
  else
    dg_mix_free(made);
  return status;
}
