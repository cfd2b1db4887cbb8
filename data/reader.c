/* The data set as a whole: its shards, scenarios and busy periods, and reading one of them. Knows shard and
 * cache. */
#include "base/file.h"
#include "data/period.h"
#include "data/shard_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const size_t CACHE_BYTES = (size_t)256 << 20;

typedef struct scenario_entry {
  const ds_shard *shard;
  int64_t index;        /* within the shard */
  int64_t first_period; /* within the data set */
  char *name;
} scenario_entry;

struct ds_dataset {
  char *path;
  ds_shard *shards;
  int32_t n_shards, n_scenarios;
  scenario_entry *scenarios;
  int32_t *by_name; /* scenario numbers sorted by name */
  ds_period_info *periods;
  int64_t n_periods;
  char hash[17];
  ds_cache *cache;
};

/* ---- opening ---- */

static m4_status open_shards(ds_dataset *d, m4_error *err) {
  ds_shard_list list;
  M4_TRY(ds_shard_list_make(&list, d->path, err));
  d->shards = calloc((size_t)list.count, sizeof *d->shards);
  m4_status status =
      d->shards ? M4_OK : m4_fail(err, M4_MEMORY, d->path, "no memory for %d shards", list.count);
  for (int32_t i = 0; i < list.count && status == M4_OK; ++i) {
    status = ds_shard_open(&d->shards[i], list.paths[i], err);
    d->n_shards += status == M4_OK;
  }
  ds_shard_list_free(&list);
  return status;
}

/* ---- the index ---- */

static m4_status count_all(ds_dataset *d, m4_error *err) {
  int64_t n_scenarios = 0;
  for (int32_t s = 0; s < d->n_shards; ++s) {
    n_scenarios += d->shards[s].totals[DS_SCENARIOS];
    d->n_periods += d->shards[s].totals[DS_PERIODS];
  }
  if (n_scenarios > INT32_MAX) return m4_fail(err, M4_DATA, d->path, "more than 2^31 scenarios");
  d->n_scenarios = (int32_t)n_scenarios;
  d->scenarios = calloc((size_t)n_scenarios, sizeof *d->scenarios);
  d->by_name = calloc((size_t)n_scenarios, sizeof *d->by_name);
  d->periods = calloc((size_t)d->n_periods + 1, sizeof *d->periods);
  if (!d->scenarios || !d->by_name || !d->periods)
    return m4_fail(err, M4_MEMORY, d->path, "no memory for the index");
  return M4_OK;
}

/* Where a shard of the dataset lies: "" or "folder/", which goes before the names of its scenarios. */
static int folder_of(const ds_dataset *d, const ds_shard *shard, const char **folder) {
  size_t outside = strlen(d->path);
  const char *end = strrchr(shard->path, '/');
  *folder = shard->path;
  if (!end || strncmp(shard->path, d->path, outside) != 0) return 0;
  *folder += outside;
  *folder += strspn(*folder, "/");
  return *folder > end ? 0 : (int)(end - *folder) + 1;
}

static m4_status index_scenario(ds_dataset *d, const ds_shard *shard, int64_t index, int32_t scenario,
                                m4_error *err) {
  scenario_entry *entry = &d->scenarios[scenario];
  int64_t first = shard->offsets[DS_NAME_BYTES][index];
  size_t bytes = (size_t)(shard->offsets[DS_NAME_BYTES][index + 1] - first);
  entry->shard = shard;
  entry->index = index;
  if (bytes == 0 || bytes > DS_MAX_NAME_BYTES || memchr(shard->names + first, '\0', bytes))
    return ds_h5_reject(err, shard->path, "scenario/name",
                        "holds a name that is empty, too long or not a text");
  const char *folder;
  int length = folder_of(d, shard, &folder);
  size_t size = (size_t)length + bytes + 1;
  entry->name = malloc(size);
  if (!entry->name) return m4_fail(err, M4_MEMORY, shard->path, "no memory for a name");
  snprintf(entry->name, size, "%.*s%.*s", length, folder, (int)bytes, shard->names + first);
  return M4_OK;
}

/* What ds_period() tells, from two datasets; `member_offsets` and `max_active` cover the whole shard. */
static m4_status index_periods(ds_dataset *d, const ds_shard *shard, int32_t first_scenario,
                               int64_t first_period, const int64_t *member_offsets, const int32_t *max_active,
                               m4_error *err) {
  for (int64_t index = 0; index < shard->totals[DS_SCENARIOS]; ++index) {
    int64_t begin = shard->offsets[DS_PERIODS][index], end = shard->offsets[DS_PERIODS][index + 1];
    int64_t n_flows = shard->offsets[DS_FLOWS][index + 1] - shard->offsets[DS_FLOWS][index];
    int32_t scenario = first_scenario + (int32_t)index;
    d->scenarios[scenario].first_period = first_period + begin;
    for (int64_t p = begin; p < end; ++p) {
      int64_t members = member_offsets[p + 1] - member_offsets[p];
      if (members < 1 || members > n_flows || members > INT32_MAX || p - begin > INT32_MAX)
        return ds_h5_reject(err, shard->path, "period/flow_offset",
                            "gives a period an impossible number of flows");
      if (max_active[p] < 1 || max_active[p] > members)
        return ds_h5_reject(err, shard->path, "period/max_active",
                            "is impossible for the period's number of flows");
      d->periods[first_period + p] =
          (ds_period_info){scenario, (int32_t)(p - begin), (int32_t)members, max_active[p]};
    }
  }
  return M4_OK;
}

static m4_status index_shard(ds_dataset *d, const ds_shard *shard, int32_t first_scenario,
                             int64_t first_period, m4_error *err) {
  for (int64_t i = 0; i < shard->totals[DS_SCENARIOS]; ++i)
    M4_TRY(index_scenario(d, shard, i, first_scenario + (int32_t)i, err));
  size_t n_periods = (size_t)shard->totals[DS_PERIODS];
  int64_t *member_offsets = malloc((n_periods + 1) * sizeof *member_offsets);
  int32_t *max_active = malloc((n_periods + 1) * sizeof *max_active);
  m4_status status = M4_OK;
  if (!member_offsets || !max_active)
    status = m4_fail(err, M4_MEMORY, shard->path, "no memory for the index");
  if (status == M4_OK)
    status = ds_shard_read(shard, DS_ROW_PERIOD_FLOW_OFFSET, 0, (int64_t)n_periods + 1, member_offsets, err);
  if (status == M4_OK)
    status = ds_shard_read(shard, DS_ROW_PERIOD_ACTIVE, 0, (int64_t)n_periods, max_active, err);
  if (status == M4_OK)
    status = index_periods(d, shard, first_scenario, first_period, member_offsets, max_active, err);
  free(max_active);
  free(member_offsets);
  return status;
}

typedef struct named {
  const char *name;
  int32_t scenario;
} named;

static int compare_named(const void *a, const void *b) {
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static m4_status index_names(ds_dataset *d, m4_error *err) {
  named *order = malloc((size_t)d->n_scenarios * sizeof *order);
  if (!order) return m4_fail(err, M4_MEMORY, d->path, "no memory for the index");
  for (int32_t s = 0; s < d->n_scenarios; ++s) order[s] = (named){d->scenarios[s].name, s};
  qsort(order, (size_t)d->n_scenarios, sizeof *order, compare_named);
  m4_status status = M4_OK;
  for (int32_t i = 0; i < d->n_scenarios; ++i) {
    d->by_name[i] = order[i].scenario;
    if (i > 0 && status == M4_OK && strcmp(order[i].name, order[i - 1].name) == 0)
      status = m4_fail(err, M4_DATA, d->path, "two scenarios are called \"%s\"", order[i].name);
  }
  free(order);
  return status;
}

static m4_status build_index(ds_dataset *d, m4_error *err) {
  M4_TRY(count_all(d, err));
  int32_t scenario = 0;
  int64_t period = 0;
  for (int32_t s = 0; s < d->n_shards; ++s) {
    M4_TRY(index_shard(d, &d->shards[s], scenario, period, err));
    scenario += (int32_t)d->shards[s].totals[DS_SCENARIOS];
    period += d->shards[s].totals[DS_PERIODS];
  }
  return index_names(d, err);
}

static void make_hash(ds_dataset *d) {
  uint64_t hash = 0;
  for (int32_t s = 0; s < d->n_shards; ++s) {
    char text[512], name[256];
    m4_path_last(name, sizeof name, d->shards[s].path);
    int length = snprintf(text, sizeof text, "%s %llu %s\n", name,
                          (unsigned long long)d->shards[s].file_bytes, d->shards[s].content_hash);
    hash = XXH64(text, (size_t)length, hash);
  }
  snprintf(d->hash, sizeof d->hash, "%016llx", (unsigned long long)hash);
}

m4_status ds_open(ds_dataset **dataset, const char *path, m4_error *err) {
  *dataset = NULL;
  ds_dataset *d = calloc(1, sizeof *d);
  if (d) d->path = strdup(path);
  m4_status status = d && d->path ? M4_OK : m4_fail(err, M4_MEMORY, path, "no memory for a data set");
  if (status == M4_OK) status = ds_cache_create(&d->cache, CACHE_BYTES, err);
  if (status == M4_OK) status = open_shards(d, err);
  if (status == M4_OK) status = build_index(d, err);
  if (status != M4_OK) {
    ds_close(d);
    return status;
  }
  make_hash(d);
  *dataset = d;
  return M4_OK;
}

void ds_close(ds_dataset *dataset) {
  if (!dataset) return;
  ds_cache_free(dataset->cache);
  for (int32_t s = 0; s < dataset->n_shards; ++s) ds_shard_close(&dataset->shards[s]);
  for (int32_t s = 0; dataset->scenarios && s < dataset->n_scenarios; ++s) free(dataset->scenarios[s].name);
  free(dataset->shards);
  free(dataset->scenarios);
  free(dataset->by_name);
  free(dataset->periods);
  free(dataset->path);
  free(dataset);
}

/* ---- asking ---- */

int32_t ds_n_shards(const ds_dataset *dataset) {
  return dataset->n_shards;
}

int32_t ds_n_scenarios(const ds_dataset *dataset) {
  return dataset->n_scenarios;
}

const char *ds_scenario_name(const ds_dataset *dataset, int32_t scenario) {
  return dataset->scenarios[scenario].name;
}

int32_t ds_find_scenario(const ds_dataset *dataset, const char *name) {
  int32_t low = 0, high = dataset->n_scenarios;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    int order = strcmp(dataset->scenarios[dataset->by_name[middle]].name, name);
    if (order == 0) return dataset->by_name[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

bool ds_scenario_usable(const ds_dataset *dataset, int32_t scenario) {
  const scenario_entry *entry = &dataset->scenarios[scenario];
  return entry->shard->unfinished[entry->index] == 0; /* ids ascend, so they are unique */
}

int64_t ds_scenario_first_period(const ds_dataset *dataset, int32_t scenario) {
  return dataset->scenarios[scenario].first_period;
}

int64_t ds_n_periods(const ds_dataset *dataset) {
  return dataset->n_periods;
}

ds_period_info ds_period(const ds_dataset *dataset, int64_t period) {
  return dataset->periods[period];
}

const char *ds_hash(const ds_dataset *dataset) {
  return dataset->hash;
}

/* ---- reading ---- */

m4_status ds_read_period(ds_dataset *dataset, int64_t period, m4_arena *arena, m4_period *facts,
                         const double **flowsim_fct_ns, m4_error *err) {
  if (period < 0 || period >= dataset->n_periods)
    return m4_fail(err, M4_DATA, dataset->path, "there is no busy period %lld", (long long)period);
  ds_period_info info = dataset->periods[period];
  const scenario_entry *entry = &dataset->scenarios[info.scenario];
  const ds_loaded *loaded;
  M4_TRY(ds_cache_take(dataset->cache, info.scenario, entry->shard, entry->index, &loaded, err));
  m4_status status = ds_extract_period(loaded, info.segment, arena, facts, flowsim_fct_ns, err);
  ds_cache_release(dataset->cache, loaded);
  return status;
}

static m4_status read_received(const ds_shard *shard, const ds_extent *extent, m4_arena *arena,
                               ds_scenario *facts, m4_error *err) {
  int64_t count = extent->count[DS_RECEIVED];
  int64_t *received = m4_arena_alloc(arena, (size_t)count, sizeof *received);
  if (!received)
    return m4_fail(err, M4_MEMORY, shard->path, "no memory for %lld received bytes", (long long)count);
  facts->received_bytes = received;
  return ds_shard_read(shard, DS_ROW_RECEIVED_BYTES, extent->start[DS_RECEIVED], count, received, err);
}

static m4_status read_checked(ds_dataset *dataset, int32_t scenario, bool with_received, m4_arena *arena,
                              ds_scenario *facts, m4_error *err) {
  if (scenario < 0 || scenario >= dataset->n_scenarios)
    return m4_fail(err, M4_DATA, dataset->path, "there is no scenario %d", scenario);
  const scenario_entry *entry = &dataset->scenarios[scenario];
  ds_extent extent;
  M4_TRY(ds_shard_locate(entry->shard, entry->index, &extent, err));
  M4_TRY(ds_shard_load(entry->shard, &extent, arena, facts, err));
  if (with_received) M4_TRY(read_received(entry->shard, &extent, arena, facts, err));
  ds_events events;
  size_t mark = m4_arena_mark(arena);
  m4_status status = ds_check_scenario(facts, &events, arena, err);
  m4_arena_release(arena, mark);
  return status == M4_OK ? M4_OK : m4_within(err, m4_within(err, status, entry->name), entry->shard->path);
}

m4_status ds_read_scenario(ds_dataset *dataset, int32_t scenario, m4_arena *arena, ds_scenario *facts,
                           m4_error *err) {
  return read_checked(dataset, scenario, true, arena, facts, err);
}

m4_status ds_read_summary(ds_dataset *dataset, int32_t scenario, m4_arena *arena, ds_scenario *facts,
                          m4_error *err) {
  return read_checked(dataset, scenario, false, arena, facts, err);
}
