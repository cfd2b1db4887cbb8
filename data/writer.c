/* Writes one shard: scenarios are checked, then appended dataset by dataset; the file gets its name at
 * commit. Knows the schema. */
#include "base/file.h"
#include "data/events.h"
#include "data/h5.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ds_writer {
  char *path, *temp_path;
  hid_t file;
  hid_t datasets[DS_N_ROWS];
  int64_t totals[DS_N_AXES]; /* rows written so far */
  uint64_t content_hash;
  char **names; /* of the scenarios so far */
  int64_t n_names;
  bool broken; /* a write failed half-way: commit refuses */
};

/* Same content, same bytes: no times in the file. */
static hid_t plain_list(hid_t class_id) {
  hid_t list = H5Pcreate(class_id);
  if (list >= 0) H5Pset_obj_track_times(list, false);
  return list;
}

static m4_status create_dataset(ds_writer *w, ds_row_id id, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  int rank = row->width > 1 ? 2 : 1;
  hsize_t size[2] = {ds_is_offsets(row) ? 1 : 0, (hsize_t)row->width};
  hsize_t limit[2] = {H5S_UNLIMITED, (hsize_t)row->width};
  hsize_t chunk[2] = {(hsize_t)ds_chunk_rows(row), (hsize_t)row->width};
  hid_t space = H5Screate_simple(rank, size, limit);
  hid_t list = plain_list(H5P_DATASET_CREATE);
  bool ok = space >= 0 && list >= 0 && H5Pset_chunk(list, rank, chunk) >= 0 && H5Pset_shuffle(list) >= 0 &&
            H5Pset_deflate(list, DS_GZIP_LEVEL) >= 0 && H5Pset_fletcher32(list) >= 0;
  if (ok)
    w->datasets[id] =
        H5Dcreate2(w->file, row->path, ds_h5_file_type(row->type), space, H5P_DEFAULT, list, H5P_DEFAULT);
  m4_status status =
      w->datasets[id] >= 0 ? M4_OK : ds_h5_fail(err, M4_IO, w->path, row->path, "cannot create dataset");
  if (list >= 0) H5Pclose(list);
  if (space >= 0) H5Sclose(space);
  M4_TRY(status);
  M4_TRY(ds_h5_write_text(w->datasets[id], "unit", row->unit, w->path, err));
  M4_TRY(ds_h5_write_text(w->datasets[id], "what", row->what, w->path, err));
  const int64_t zero = 0;
  if (ds_is_offsets(row) &&
      H5Dwrite(w->datasets[id], H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, &zero) < 0)
    return ds_h5_fail(err, M4_IO, w->path, row->path, "cannot write");
  return M4_OK;
}

static m4_status create_groups(ds_writer *w, m4_error *err) {
  hid_t list = plain_list(H5P_GROUP_CREATE);
  m4_status status = M4_OK;
  for (int g = 0; ds_groups[g] && status == M4_OK; ++g) {
    hid_t group = H5Gcreate2(w->file, ds_groups[g], H5P_DEFAULT, list, H5P_DEFAULT);
    if (group < 0 || H5Gclose(group) < 0)
      status = ds_h5_fail(err, M4_IO, w->path, ds_groups[g], "cannot create group");
  }
  if (list >= 0) H5Pclose(list);
  return status;
}

/* The 1.10 file format: every piece of it carries a checksum. */
static m4_status create_file(ds_writer *w, m4_error *err) {
  hid_t creation = plain_list(H5P_FILE_CREATE);
  hid_t access_list = H5Pcreate(H5P_FILE_ACCESS);
  if (access_list >= 0) {
    H5Pset_libver_bounds(access_list, H5F_LIBVER_V110, H5F_LIBVER_V110);
    H5Pset_fclose_degree(access_list, H5F_CLOSE_STRONG);
  }
  errno = 0;
  w->file = H5Fcreate(w->temp_path, H5F_ACC_TRUNC, creation, access_list);
  int reason = errno;
  m4_status status = M4_OK;
  if (w->file < 0 && reason != 0)
    status = m4_fail(err, M4_IO, w->path, "cannot create: %s", strerror(reason));
  else if (w->file < 0)
    status = ds_h5_fail(err, M4_IO, w->path, NULL, "cannot create");
  if (creation >= 0) H5Pclose(creation);
  if (access_list >= 0) H5Pclose(access_list);
  return status;
}

static m4_status create_layout(ds_writer *w, uint64_t seed, const char *generator, const char *config,
                               m4_error *err) {
  M4_TRY(create_file(w, err));
  M4_TRY(ds_h5_write_text(w->file, "format", DS_FORMAT_NAME, w->path, err));
  M4_TRY(ds_h5_write_number(w->file, "format_version", DS_FORMAT_VERSION, w->path, err));
  M4_TRY(ds_h5_write_number(w->file, "seed", seed, w->path, err));
  M4_TRY(ds_h5_write_text(w->file, "generator", generator, w->path, err));
  M4_TRY(ds_h5_write_text(w->file, "config", config, w->path, err));
  M4_TRY(create_groups(w, err));
  for (int row = 0; row < DS_N_ROWS; ++row) M4_TRY(create_dataset(w, (ds_row_id)row, err));
  return M4_OK;
}

m4_status ds_writer_create(ds_writer **writer, const char *path, uint64_t seed, const char *generator,
                           const char *config, m4_error *err) {
  *writer = NULL;
  if (strlen(generator) > DS_MAX_TEXT_BYTES || strlen(config) > DS_MAX_TEXT_BYTES)
    return m4_fail(err, M4_USAGE, path, "generator or configuration text longer than %d bytes",
                   DS_MAX_TEXT_BYTES);
  ds_writer *w = calloc(1, sizeof *w);
  size_t temp_bytes = strlen(path) + 32;
  if (w) {
    w->file = H5I_INVALID_HID;
    for (int row = 0; row < DS_N_ROWS; ++row) w->datasets[row] = H5I_INVALID_HID;
    w->path = strdup(path);
    w->temp_path = malloc(temp_bytes);
  }
  if (!w || !w->path || !w->temp_path) {
    ds_writer_abandon(w);
    return m4_fail(err, M4_MEMORY, path, "no memory for a writer");
  }
  snprintf(w->temp_path, temp_bytes, "%s.tmp.%ld", path, (long)getpid());
  ds_h5_lock();
  m4_status status = create_layout(w, seed, generator, config, err);
  ds_h5_unlock();
  if (status != M4_OK)
    ds_writer_abandon(w);
  else
    *writer = w;
  return status;
}

/* Adds `rows` rows at the end of a dataset. */
static m4_status append(ds_writer *w, ds_row_id id, int64_t rows, const void *values, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  if (rows == 0) return M4_OK;
  int rank = row->width > 1 ? 2 : 1;
  hsize_t start[2] = {(hsize_t)(w->totals[row->axis] + (ds_is_offsets(row) ? 1 : 0)), 0};
  hsize_t count[2] = {(hsize_t)rows, (hsize_t)row->width};
  hsize_t size[2] = {start[0] + count[0], count[1]};
  bool ok = H5Dset_extent(w->datasets[id], size) >= 0;
  hid_t target = H5Dget_space(w->datasets[id]);
  hid_t source = H5Screate_simple(rank, count, NULL);
  ok = ok && target >= 0 && source >= 0 &&
       H5Sselect_hyperslab(target, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
       H5Dwrite(w->datasets[id], ds_h5_memory_type(row->type), source, target, H5P_DEFAULT, values) >= 0;
  m4_status status = ok ? M4_OK : ds_h5_fail(err, M4_IO, w->path, row->path, "cannot write");
  if (source >= 0) H5Sclose(source);
  if (target >= 0) H5Sclose(target);
  return status;
}

/* Offsets of the scenario start at 0, those of the shard where the axis ends now. */
static m4_status append_offsets(ds_writer *w, ds_row_id id, int64_t rows, const int64_t *offsets,
                                m4_arena *arena, m4_error *err) {
  size_t mark = m4_arena_mark(arena);
  int64_t *moved = m4_arena_alloc(arena, (size_t)rows, sizeof *moved);
  if (!moved) return m4_fail(err, M4_MEMORY, w->path, "no memory for %lld offsets", (long long)rows);
  for (int64_t i = 0; i < rows; ++i) moved[i] = offsets[i + 1] + w->totals[ds_schema[id].target];
  m4_status status = append(w, id, rows, moved, err);
  m4_arena_release(arena, mark);
  return status;
}

static m4_status append_special(ds_writer *w, ds_row_id id, const ds_scenario *s,
                                const int64_t counts[DS_N_AXES], m4_arena *arena, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  if (ds_is_offsets(row)) return append_offsets(w, id, 1, (int64_t[]){0, counts[row->target]}, arena, err);
  if (id == DS_ROW_NAME) return append(w, id, counts[DS_NAME_BYTES], s->name, err);
  if (id == DS_ROW_PARAMS) return append(w, id, 1, s->params, err);
  int64_t unfinished = 0;
  for (int64_t f = 0; f < s->n_flows; ++f) unfinished += s->fct_ns[f] < 0;
  return append(w, DS_ROW_UNFINISHED, 1, &unfinished, err);
}

static m4_status append_scenario(ds_writer *w, const ds_scenario *s, m4_arena *arena, m4_error *err) {
  int64_t counts[DS_N_AXES];
  ds_count_axes(s, counts);
  for (int i = 0; i < DS_N_ROWS; ++i) {
    const ds_row *row = &ds_schema[i];
    const void *values = ds_is_special(row) ? NULL : ds_get_field(s, row);
    if (ds_is_special(row))
      M4_TRY(append_special(w, (ds_row_id)i, s, counts, arena, err));
    else if (ds_is_offsets(row))
      M4_TRY(append_offsets(w, (ds_row_id)i, counts[row->axis], values, arena, err));
    else
      M4_TRY(append(w, (ds_row_id)i, counts[row->axis], values, err));
  }
  for (int axis = 0; axis < DS_N_AXES; ++axis) w->totals[axis] += counts[axis];
  return M4_OK;
}

static m4_status remember_name(ds_writer *w, const char *name, m4_error *err) {
  for (int64_t i = 0; i < w->n_names; ++i)
    if (strcmp(w->names[i], name) == 0)
      return m4_fail(err, M4_DATA, w->path, "two scenarios are called \"%s\"", name);
  char **more = realloc(w->names, (size_t)(w->n_names + 1) * sizeof *more);
  if (more) w->names = more;
  char *copy = more ? strdup(name) : NULL;
  if (!copy) return m4_fail(err, M4_MEMORY, w->path, "no memory for a name");
  w->names[w->n_names++] = copy;
  return M4_OK;
}

static m4_status check_and_append(ds_writer *w, const ds_scenario *scenario, m4_arena *arena, m4_error *err) {
  ds_events events;
  m4_status status = ds_check_scenario(scenario, &events, arena, err);
  if (status != M4_OK) return m4_within(err, status, scenario->name);
  M4_TRY(remember_name(w, scenario->name, err));
  ds_h5_lock();
  status = append_scenario(w, scenario, arena, err);
  ds_h5_unlock();
  w->broken = status != M4_OK;
  w->content_hash = ds_scenario_hash(scenario, w->content_hash);
  return status;
}

m4_status ds_writer_add(ds_writer *writer, const ds_scenario *scenario, m4_error *err) {
  if (writer->broken) return m4_fail(err, M4_IO, writer->path, "an earlier write failed");
  m4_arena arena;
  size_t n_flows = scenario->n_flows > 0 ? (size_t)scenario->n_flows : 0;
  M4_TRY(m4_arena_init(&arena, 128 * n_flows + (1 << 16), err));
  m4_status status = check_and_append(writer, scenario, &arena, err);
  m4_arena_free(&arena);
  return status;
}

static m4_status close_file(ds_writer *w, m4_error *err) {
  bool ok = true;
  ds_h5_lock();
  for (int i = 0; i < DS_N_ROWS; ++i)
    if (w->datasets[i] >= 0) ok &= H5Dclose(w->datasets[i]) >= 0;
  if (w->file >= 0) ok &= H5Fclose(w->file) >= 0;
  w->file = H5I_INVALID_HID;
  for (int i = 0; i < DS_N_ROWS; ++i) w->datasets[i] = H5I_INVALID_HID;
  m4_status status = ok ? M4_OK : ds_h5_fail(err, M4_IO, w->path, NULL, "cannot finish the file");
  ds_h5_unlock();
  return status;
}

static m4_status seal(ds_writer *w, m4_error *err) {
  if (w->broken) return m4_fail(err, M4_IO, w->path, "an earlier write failed");
  if (w->totals[DS_SCENARIOS] == 0)
    return m4_fail(err, M4_DATA, w->path, "a shard needs at least one scenario");
  char hash[17];
  snprintf(hash, sizeof hash, "%016llx", (unsigned long long)w->content_hash);
  ds_h5_lock();
  m4_status status = ds_h5_write_text(w->file, "content_hash", hash, w->path, err);
  ds_h5_unlock();
  M4_TRY(status);
  M4_TRY(close_file(w, err));
  return m4_file_publish(w->temp_path, w->path, err);
}

m4_status ds_writer_commit(ds_writer *writer, m4_error *err) {
  m4_status status = seal(writer, err);
  ds_writer_abandon(writer);
  return status;
}

/* After a commit nothing is open and the temporary is gone. */
void ds_writer_abandon(ds_writer *writer) {
  if (!writer) return;
  close_file(writer, NULL);
  if (writer->temp_path) unlink(writer->temp_path);
  for (int64_t i = 0; i < writer->n_names; ++i) free(writer->names[i]);
  free(writer->names);
  free(writer->temp_path);
  free(writer->path);
  free(writer);
}
