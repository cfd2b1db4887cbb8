/* The audit of one shard: its layout, where it comes from, every scenario in it. */
#include "data/audit_parts.h"

#include "base/file.h"
#include "base/signals.h"
#include "data/shard.h"

#include <stdlib.h>
#include <string.h>

void ds_tell_with_place(void *arg, const m4_error *finding) {
  const ds_auditor *a = arg;
  m4_error placed = *finding;
  if (a->scenario) m4_within(&placed, placed.status, a->scenario);
  if (a->path) m4_within(&placed, placed.status, a->path);
  a->findings->tell(a->findings->arg, &placed);
  a->findings->count++;
}

/* A reader's error about content is a finding; its place is complete already. Others end the audit. */
static m4_status take_error(ds_auditor *a, m4_status status, const m4_error *error, m4_error *err) {
  if (status == M4_DATA) {
    a->findings->tell(a->findings->arg, error);
    a->findings->count++;
    return M4_OK;
  }
  if (err) *err = *error;
  return status;
}

/* ---- one scenario ---- */

static m4_status keep_name(ds_auditor *a, const ds_shard *shard, int64_t index, m4_error *err) {
  if (a->n_names == a->capacity) {
    int64_t capacity = 2 * a->capacity + 64;
    ds_shard_name *more = realloc(a->names, (size_t)capacity * sizeof *more);
    if (!more) return m4_fail(err, M4_MEMORY, shard->path, "no memory for names");
    a->names = more;
    a->capacity = capacity;
  }
  int64_t first = shard->offsets[DS_NAME_BYTES][index], end = shard->offsets[DS_NAME_BYTES][index + 1];
  char *name = strndup(shard->names + first, (size_t)(end - first));
  if (!name) return m4_fail(err, M4_MEMORY, shard->path, "no memory for a name");
  a->names[a->n_names++] = (ds_shard_name){name, a->path};
  return M4_OK;
}

static m4_status load_all(const ds_shard *shard, const ds_extent *extent, m4_arena *arena, ds_scenario *facts,
                          m4_error *err) {
  M4_TRY(ds_shard_load(shard, extent, arena, facts, err));
  int64_t count = extent->count[DS_RECEIVED];
  int64_t *received = m4_arena_alloc(arena, (size_t)count, sizeof *received);
  if (!received)
    return m4_fail(err, M4_MEMORY, shard->path, "no memory for %lld received bytes", (long long)count);
  facts->received_bytes = received;
  return ds_shard_read(shard, DS_ROW_RECEIVED_BYTES, extent->start[DS_RECEIVED], count, received, err);
}

static m4_status audit_facts(const ds_scenario *facts, int64_t stored_unfinished, ds_findings *findings,
                             m4_arena *arena, m4_error *err) {
  ds_events events;
  bool sound;
  int64_t unfinished = 0;
  for (int64_t f = 0; f < facts->n_flows; ++f) unfinished += facts->fct_ns[f] < 0;
  if (unfinished != stored_unfinished)
    M4_TRY(ds_found(findings, "scenario/unfinished_flows",
                    "says %lld, but %lld flows have no completion time", (long long)stored_unfinished,
                    (long long)unfinished));
  M4_TRY(ds_find_problems(facts, findings, &sound, &events, arena, err));
  return sound ? ds_audit_scenario(facts, &events, findings, err) : M4_OK;
}

/* *hash goes on from scenario to scenario; *complete becomes false when one could not be read. */
static m4_status audit_one(ds_auditor *a, const ds_shard *shard, int64_t index, uint64_t *hash,
                           bool *complete, m4_error *err) {
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  ds_extent extent;
  ds_scenario facts;
  m4_error reason = {0};
  m4_arena arena = {0};
  M4_TRY(keep_name(a, shard, index, err));
  a->scenario = a->names[a->n_names - 1].scenario;
  m4_status status = ds_shard_locate(shard, index, &extent, &reason);
  if (status == M4_OK)
    status = m4_arena_init(&arena,
                           ds_extent_bytes(&extent) + 8 * (size_t)extent.count[DS_RECEIVED] +
                               128 * (size_t)extent.count[DS_FLOWS] + (1 << 16),
                           &reason);
  if (status == M4_OK) status = load_all(shard, &extent, &arena, &facts, &reason);
  if (status == M4_OK) {
    *hash = ds_scenario_hash(&facts, *hash);
    a->report->n_flows += facts.n_flows;
    a->report->n_periods += facts.n_periods;
    status = audit_facts(&facts, shard->unfinished[index], &placed, &arena, &reason);
  } else {
    *complete = false;
  }
  m4_arena_free(&arena);
  a->scenario = NULL;
  return status == M4_OK ? M4_OK : take_error(a, status, &reason, err);
}

/* ---- one shard ---- */

static m4_status read_origin(const ds_shard *shard, char **generator, char **config, uint64_t *seed,
                             m4_error *err) {
  ds_h5_lock();
  m4_status status =
      ds_h5_read_text(shard->file, "generator", DS_MAX_TEXT_BYTES, generator, shard->path, err);
  if (status == M4_OK)
    status = ds_h5_read_text(shard->file, "config", DS_MAX_TEXT_BYTES, config, shard->path, err);
  if (status == M4_OK) status = ds_h5_read_number(shard->file, "seed", seed, shard->path, err);
  ds_h5_unlock();
  return status;
}

static m4_status compare_origin(const ds_auditor *a, const char *generator, const char *config, uint64_t seed,
                                ds_findings *placed) {
  if (a->campaign->config && strcmp(config, a->campaign->config) != 0)
    M4_TRY(ds_found(placed, "config", "is not the configuration in campaign.yaml"));
  if (a->campaign->seed >= 0 && seed != (uint64_t)a->campaign->seed)
    M4_TRY(ds_found(placed, "seed", "is %llu, campaign.yaml says %lld", (unsigned long long)seed,
                    (long long)a->campaign->seed));
  if (!a->config) return M4_OK;
  if (strcmp(config, a->config) != 0)
    M4_TRY(ds_found(placed, "config", "differs from that of %s", a->first_path));
  if (strcmp(generator, a->generator) != 0)
    M4_TRY(ds_found(placed, "generator", "differs from that of %s", a->first_path));
  if (seed != a->seed) M4_TRY(ds_found(placed, "seed", "differs from that of %s", a->first_path));
  return M4_OK;
}

static m4_status audit_origin(ds_auditor *a, const ds_shard *shard, m4_error *err) {
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  char *generator = NULL, *config = NULL;
  uint64_t seed = 0;
  m4_error reason = {0};
  m4_status status = read_origin(shard, &generator, &config, &seed, &reason);
  if (status == M4_OK) {
    compare_origin(a, generator, config, seed, &placed);
    if (!a->config) {
      a->config = config, a->generator = generator, a->seed = seed, a->first_path = a->path;
      return M4_OK;
    }
  }
  free(config);
  free(generator);
  return status == M4_OK ? M4_OK : take_error(a, status, &reason, err);
}

static m4_status audit_descriptions(ds_auditor *a, const ds_shard *shard, m4_error *err) {
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  for (int id = 0; id < DS_N_ROWS; ++id) {
    char *what = NULL;
    m4_error reason = {0};
    ds_h5_lock();
    m4_status status = ds_h5_read_text(shard->datasets[id], "what", 1024, &what, shard->path, &reason);
    ds_h5_unlock();
    if (status == M4_OK && strcmp(what, ds_schema[id].what) != 0)
      status = ds_found(&placed, ds_schema[id].path, "describes itself in other words than the format");
    free(what);
    if (status != M4_OK) M4_TRY(take_error(a, status, &reason, err));
  }
  return M4_OK;
}

static m4_status audit_content(ds_auditor *a, const ds_shard *shard, m4_error *err) {
  uint64_t hash = 0;
  bool complete = true;
  char text[17];
  for (int64_t i = 0; i < shard->totals[DS_SCENARIOS]; ++i) {
    if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, shard->path, "interrupted");
    M4_TRY(audit_one(a, shard, i, &hash, &complete, err));
  }
  snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
  if (!complete || strcmp(text, shard->content_hash) == 0) return M4_OK;
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  return ds_found(&placed, "content_hash", "is %s, the content gives %s", shard->content_hash, text);
}

/* shard-00007.h5 holds the eighth part of the campaign, the last one what is left. */
static m4_status audit_count(ds_auditor *a, const ds_shard *shard) {
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  const ds_campaign *campaign = a->campaign;
  char name[256];
  long long number;
  int used = 0;
  m4_path_last(name, sizeof name, shard->path);
  if (!campaign->config || campaign->n_per_shard < 1 || campaign->n_scenarios < 1) return M4_OK;
  if (sscanf(name, "shard-%5lld.h5%n", &number, &used) != 1 || name[used] || used == 0 || number < 0)
    return ds_found(&placed, NULL, "is not a shard of the campaign: its name is not shard-NNNNN.h5");
  int64_t first = number * campaign->n_per_shard, expected = campaign->n_scenarios - first;
  if (expected > campaign->n_per_shard) expected = campaign->n_per_shard;
  if (expected < 1) return ds_found(&placed, NULL, "is one more shard than the campaign has");
  if (shard->totals[DS_SCENARIOS] == expected) return M4_OK;
  return ds_found(&placed, NULL, "holds %lld scenarios, the campaign puts %lld there",
                  (long long)shard->totals[DS_SCENARIOS], (long long)expected);
}

m4_status ds_audit_shard(ds_auditor *a, m4_error *err) {
  ds_shard shard;
  m4_error reason = {0};
  m4_status status = ds_shard_open(&shard, a->path, &reason);
  if (status != M4_OK) return take_error(a, status, &reason, err);
  a->report->n_shards++;
  a->report->n_scenarios += shard.totals[DS_SCENARIOS];
  status = audit_origin(a, &shard, err);
  if (status == M4_OK) status = audit_descriptions(a, &shard, err);
  if (status == M4_OK) status = audit_count(a, &shard);
  if (status == M4_OK) status = audit_content(a, &shard, err);
  ds_shard_close(&shard);
  return status;
}
