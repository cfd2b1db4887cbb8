/* Imports a batch of folders in parallel, writes it in order, goes on to the next. */
#include "datagen/import/import.h"

#include "base/file.h"
#include "base/signals.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, FOLDERS_PER_THREAD = 2 };

typedef struct slot {
  m4_arena arena;
  ds_scenario facts;
  m4_status status;
  m4_error error;
} slot;

typedef struct run {
  const dg_import *import;
  m4_log *log;
  m4_progress *progress;
  dg_import_report *report;
  slot *slots;  /* [batch] */
  size_t first; /* folder of slot 0 */
  ds_writer *writer;
} run;

/* ---- reading, in parallel ---- */

static void read_one(void *arg, size_t task, int worker) {
  (void)worker;
  run *r = arg;
  slot *mine = &r->slots[task];
  const dg_folder *folder = &r->import->folders->items[r->first + task];
  mine->error = (m4_error){0};
  mine->status = m4_stop_requested()
                     ? m4_fail(&mine->error, M4_INTERRUPTED, folder->name, "interrupted")
                     : r->import->read(&mine->facts, &mine->arena, folder->path, r->log, &mine->error);
  mine->facts.name = folder->name;
  if (mine->status != M4_OK && mine->status != M4_INTERRUPTED)
    m4_within(&mine->error, mine->status, folder->path);
}

/* ---- writing, in order ---- */

static void count(dg_import_report *report, const ds_scenario *facts) {
  report->n_scenarios++;
  report->n_flows += facts->n_flows;
  report->n_periods += facts->n_periods;
  for (int64_t flow = 0; flow < facts->n_flows; ++flow) report->n_unfinished += facts->fct_ns[flow] < 0;
}

static m4_status start_shard(run *r, int64_t shard, m4_error *err) {
  char name[48], path[PATH_BYTES], origin[64];
  snprintf(name, sizeof name, "shard-%05lld.h5", (long long)shard);
  snprintf(origin, sizeof origin, "imported: %s\n", r->import->source);
  M4_TRY(m4_path_join(path, sizeof path, r->import->output, name, err));
  return ds_writer_create(&r->writer, path, 0, "m4-datagen " M4_VERSION, origin, err);
}

static m4_status write_one(run *r, size_t index, slot *from, m4_error *err) {
  int64_t per_shard = r->import->scenarios_per_shard;
  if (!r->writer) M4_TRY(start_shard(r, (int64_t)index / per_shard, err));
  m4_status status = ds_writer_add(r->writer, &from->facts, err);
  if (status != M4_OK) return m4_within(err, status, r->import->folders->items[index].path);
  count(r->report, &from->facts);
  m4_progress_update(r->progress, index + 1, NULL);
  if (((int64_t)index + 1) % per_shard != 0 && index + 1 < r->import->folders->count) return M4_OK;
  ds_writer *finished = r->writer;
  r->writer = NULL;
  return ds_writer_commit(finished, err);
}

static m4_status do_batch(run *r, size_t batch, m4_pool *pool, m4_error *err) {
  m4_parallel_for(pool, batch, read_one, r);
  m4_status status = M4_OK;
  for (size_t i = 0; i < batch; ++i) {
    slot *done = &r->slots[i];
    if (status == M4_OK && done->status != M4_OK) {
      status = done->status;
      if (err) *err = done->error;
    }
    if (status == M4_OK) status = write_one(r, r->first + i, done, err);
    m4_arena_free(&done->arena);
  }
  return status;
}

/* ---- the run ---- */

static m4_status prepare_output(const char *dir, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  DIR *folder = opendir(dir);
  if (!folder) return m4_fail(err, M4_IO, dir, "cannot list the folder");
  bool has_shards = false;
  for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    size_t length = strlen(entry->d_name);
    if (length > 3 && strcmp(entry->d_name + length - 3, ".h5") == 0) has_shards = true;
  }
  closedir(folder);
  if (!has_shards) return M4_OK;
  return m4_hint(err, m4_fail(err, M4_USAGE, dir, "the folder has shards already"),
                 "choose another --out, or remove them");
}

static m4_status do_all(run *r, m4_pool *pool, m4_error *err) {
  size_t total = r->import->folders->count, most = FOLDERS_PER_THREAD;
  if (pool) most *= (size_t)m4_pool_threads(pool);
  r->slots = calloc(most, sizeof *r->slots);
  if (!r->slots) return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu scenarios", most);
  M4_TRY(m4_progress_create(&r->progress, r->log, "import", "scenarios", total, err));
  for (r->first = 0; r->first < total;) {
    size_t batch = total - r->first < most ? total - r->first : most;
    M4_TRY(do_batch(r, batch, pool, err));
    r->first += batch;
  }
  return M4_OK;
}

m4_status dg_import_run(const dg_import *import, m4_pool *pool, m4_log *log, dg_import_report *report,
                        m4_error *err) {
  *report = (dg_import_report){0};
  M4_TRY(prepare_output(import->output, err));
  run r = {.import = import, .log = log, .report = report};
  m4_status status = do_all(&r, pool, err);
  m4_progress_free(r.progress);
  ds_writer_abandon(r.writer);
  free(r.slots);
  return status;
}
