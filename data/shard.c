/* Opening a shard: nothing is believed before it is checked, and nothing is accepted that writer.c does not
 * write. Knows HDF5. */
#include "data/shard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK_CACHE_SLOTS = 31, MAX_DEFLATE_RATIO = 1032 };

static m4_status open_file(ds_shard *shard, m4_error *err) {
  struct stat info;
  if (stat(shard->path, &info) != 0)
    return m4_fail(err, M4_IO, shard->path, "cannot open: %s", strerror(errno));
  if (!S_ISREG(info.st_mode)) return m4_fail(err, M4_IO, shard->path, "is not a regular file");
  shard->file_bytes = (uint64_t)info.st_size;
  hid_t access_list = H5Pcreate(H5P_FILE_ACCESS);
  if (access_list >= 0) H5Pset_fclose_degree(access_list, H5F_CLOSE_STRONG);
  errno = 0;
  shard->file = H5Fopen(shard->path, H5F_ACC_RDONLY, access_list);
  m4_status status = M4_OK;
  if (shard->file < 0 && (errno == EACCES || errno == EMFILE || errno == ENFILE))
    status = m4_fail(err, M4_IO, shard->path, "cannot open: %s", strerror(errno));
  else if (shard->file < 0)
    status = ds_h5_fail(err, M4_DATA, shard->path, NULL, "is not a complete HDF5 file");
  if (access_list >= 0) H5Pclose(access_list);
  return status;
}

static m4_status check_format(ds_shard *shard, m4_error *err) {
  char *format = NULL;
  uint64_t version = 0;
  M4_TRY(ds_h5_read_text(shard->file, "format", 64, &format, shard->path, err));
  bool known = strcmp(format, DS_FORMAT_NAME) == 0;
  free(format);
  if (!known) return ds_h5_reject(err, shard->path, "format", "is not \"" DS_FORMAT_NAME "\"");
  M4_TRY(ds_h5_read_number(shard->file, "format_version", &version, shard->path, err));
  if (version != DS_FORMAT_VERSION)
    return m4_fail(err, M4_DATA, shard->path, "format_version is %llu, this program reads %d",
                   (unsigned long long)version, DS_FORMAT_VERSION);
  M4_TRY(ds_h5_read_text(shard->file, "content_hash", 16, &shard->content_hash, shard->path, err));
  if (strspn(shard->content_hash, "0123456789abcdef") != 16)
    return ds_h5_reject(err, shard->path, "content_hash", "is not 16 hex digits");
  return M4_OK;
}

/* Members of the root ("/") or of a group that the schema asks for. */
static size_t expected_links(const char *group) {
  size_t count = 0, length = strlen(group);
  if (strcmp(group, "/") == 0) {
    while (ds_groups[count]) ++count;
    return count;
  }
  for (int i = 0; i < DS_N_ROWS; ++i)
    count += strncmp(ds_schema[i].path, group, length) == 0 && ds_schema[i].path[length] == '/';
  return count;
}

static m4_status check_hard_link(const ds_shard *shard, const char *path, m4_error *err) {
  H5L_info_t link;
  if (H5Lget_info(shard->file, path, &link, H5P_DEFAULT) < 0)
    return ds_h5_fail(err, M4_DATA, shard->path, path, "is missing");
  if (link.type != H5L_TYPE_HARD) return ds_h5_reject(err, shard->path, path, "is a soft or external link");
  return M4_OK;
}

/* Groups hold what the schema names, nothing else. */
static m4_status check_group(const ds_shard *shard, const char *path, m4_error *err) {
  bool is_root = strcmp(path, "/") == 0;
  if (!is_root) M4_TRY(check_hard_link(shard, path, err));
  hid_t group = H5Gopen2(shard->file, path, H5P_DEFAULT);
  if (group < 0) return ds_h5_fail(err, M4_DATA, shard->path, path, "is not a group");
  H5G_info_t info;
  m4_status status = M4_OK;
  if (H5Gget_info(group, &info) < 0)
    status = ds_h5_fail(err, M4_DATA, shard->path, path, "cannot be listed");
  else if (info.nlinks != expected_links(path) || info.mounted)
    status = ds_h5_reject(err, shard->path, path, "does not hold exactly what the format says");
  H5Gclose(group);
  return status;
}

/* shuffle, gzip, fletcher32 in this order and no other filter; chunks as we write them; no outside storage.
 */
static bool is_our_storage(hid_t list, const ds_row *row) {
  static const H5Z_filter_t filters[] = {H5Z_FILTER_SHUFFLE, H5Z_FILTER_DEFLATE, H5Z_FILTER_FLETCHER32};
  hsize_t chunk[2] = {0, 0};
  int rank = row->width > 1 ? 2 : 1;
  if (H5Pget_layout(list) != H5D_CHUNKED || H5Pget_chunk(list, 2, chunk) != rank) return false;
  if (chunk[0] != (hsize_t)ds_chunk_rows(row) || (rank == 2 && chunk[1] != (hsize_t)row->width)) return false;
  if (H5Pget_external_count(list) != 0 || H5Pget_nfilters(list) != 3) return false;
  for (unsigned i = 0; i < 3; ++i) {
    unsigned flags = 0, values[4] = {0};
    size_t n_values = 4;
    if (H5Pget_filter2(list, i, &flags, &n_values, values, 0, NULL, NULL) != filters[i]) return false;
  }
  return true;
}

static m4_status check_unit(const ds_shard *shard, ds_row_id id, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  char *unit = NULL;
  m4_status status = ds_h5_read_text(shard->datasets[id], "unit", 64, &unit, shard->path, err);
  if (status != M4_OK) return m4_within(err, status, row->path);
  if (strcmp(unit, row->unit) != 0)
    status = ds_h5_reject(err, shard->path, row->path, "has another unit than the format says");
  free(unit);
  return status;
}

/* One chunk stays inflated: neighbouring reads meet in it, and hundreds of open shards stay small. */
static size_t cache_bytes(const ds_row *row) {
  return (size_t)ds_chunk_rows(row) * (size_t)row->width * ds_type_bytes(row->type);
}

/* The rows must fit what is stored: deflate packs at most 1032 bytes into one. */
static m4_status check_extent(ds_shard *shard, ds_row_id id, hid_t space, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  hsize_t size[2] = {0, 1};
  int rank = H5Sget_simple_extent_ndims(space);
  if (rank != (row->width > 1 ? 2 : 1) || H5Sget_simple_extent_dims(space, size, NULL) != rank)
    return ds_h5_reject(err, shard->path, row->path, "has the wrong rank");
  if (size[1] != (hsize_t)row->width)
    return ds_h5_reject(err, shard->path, row->path, "has the wrong second dimension");
  hsize_t stored = H5Dget_storage_size(shard->datasets[id]);
  if (stored > shard->file_bytes ||
      size[0] > stored * MAX_DEFLATE_RATIO / (size[1] * ds_type_bytes(row->type)))
    return ds_h5_reject(err, shard->path, row->path, "claims more rows than the file can hold");
  int64_t rows = (int64_t)size[0] - (ds_is_offsets(row) ? 1 : 0);
  if (rows < 0) return ds_h5_reject(err, shard->path, row->path, "is empty");
  if (shard->totals[row->axis] >= 0 && shard->totals[row->axis] != rows)
    return ds_h5_reject(err, shard->path, row->path, "has another number of rows than its neighbours");
  shard->totals[row->axis] = rows;
  return M4_OK;
}

static m4_status check_dataset(ds_shard *shard, ds_row_id id, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  hid_t type = H5Dget_type(shard->datasets[id]);
  hid_t space = H5Dget_space(shard->datasets[id]);
  hid_t list = H5Dget_create_plist(shard->datasets[id]);
  m4_status status;
  if (type < 0 || space < 0 || list < 0)
    status = ds_h5_fail(err, M4_DATA, shard->path, row->path, "cannot be described");
  else if (H5Tequal(type, ds_h5_file_type(row->type)) <= 0)
    status = ds_h5_reject(err, shard->path, row->path, "has the wrong element type");
  else if (!is_our_storage(list, row))
    status = ds_h5_reject(err, shard->path, row->path, "is stored or filtered in a way we do not write");
  else
    status = check_extent(shard, id, space, err);
  if (list >= 0) H5Pclose(list);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  return status == M4_OK ? check_unit(shard, id, err) : status;
}

static m4_status open_dataset(ds_shard *shard, ds_row_id id, m4_error *err) {
  const char *path = ds_schema[id].path;
  M4_TRY(check_hard_link(shard, path, err));
  hid_t access_list = H5Pcreate(H5P_DATASET_ACCESS);
  if (access_list >= 0) H5Pset_chunk_cache(access_list, CHUNK_CACHE_SLOTS, cache_bytes(&ds_schema[id]), 1.0);
  shard->datasets[id] = H5Dopen2(shard->file, path, access_list);
  m4_status status = shard->datasets[id] >= 0
                         ? M4_OK
                         : ds_h5_fail(err, M4_DATA, shard->path, path, "cannot be opened as a dataset");
  if (access_list >= 0) H5Pclose(access_list);
  return status == M4_OK ? check_dataset(shard, id, err) : status;
}

static m4_status open_layout(ds_shard *shard, m4_error *err) {
  M4_TRY(open_file(shard, err));
  M4_TRY(check_format(shard, err));
  M4_TRY(check_group(shard, "/", err));
  for (int g = 0; ds_groups[g]; ++g) M4_TRY(check_group(shard, ds_groups[g], err));
  for (int axis = 0; axis < DS_N_AXES; ++axis) shard->totals[axis] = -1;
  for (int id = 0; id < DS_N_ROWS; ++id) M4_TRY(open_dataset(shard, (ds_row_id)id, err));
  if (shard->totals[DS_SCENARIOS] < 1) return ds_h5_reject(err, shard->path, "scenario", "holds no scenario");
  if (shard->totals[DS_EVENTS] != 2 * shard->totals[DS_FLOWS])
    return ds_h5_reject(err, shard->path, "event/received_offset", "does not have two rows per flow");
  if (shard->totals[DS_MEMBER_EVENTS] != 2 * shard->totals[DS_MEMBERS])
    return ds_h5_reject(err, shard->path, "period/event", "does not have two rows per member flow");
  return M4_OK;
}

m4_status ds_shard_read(const ds_shard *shard, ds_row_id id, int64_t start, int64_t count, void *values,
                        m4_error *err) {
  const ds_row *row = &ds_schema[id];
  int64_t rows = shard->totals[row->axis] + (ds_is_offsets(row) ? 1 : 0);
  if (start < 0 || count < 0 || start > rows || count > rows - start)
    return ds_h5_reject(err, shard->path, row->path, "is asked for rows it does not have");
  if (count == 0) return M4_OK;
  hsize_t first[2] = {(hsize_t)start, 0}, size[2] = {(hsize_t)count, (hsize_t)row->width};
  ds_h5_lock();
  hid_t source = H5Dget_space(shard->datasets[id]);
  hid_t target = H5Screate_simple(row->width > 1 ? 2 : 1, size, NULL);
  bool ok =
      source >= 0 && target >= 0 &&
      H5Sselect_hyperslab(source, H5S_SELECT_SET, first, NULL, size, NULL) >= 0 &&
      H5Dread(shard->datasets[id], ds_h5_memory_type(row->type), target, source, H5P_DEFAULT, values) >= 0;
  m4_status status = ok ? M4_OK : ds_h5_fail(err, M4_DATA, shard->path, row->path, "cannot be read");
  if (target >= 0) H5Sclose(target);
  if (source >= 0) H5Sclose(source);
  ds_h5_unlock();
  return status;
}

/* A whole dataset into malloc'ed memory. */
static m4_status read_all(const ds_shard *shard, ds_row_id id, void **values, m4_error *err) {
  const ds_row *row = &ds_schema[id];
  int64_t rows = shard->totals[row->axis] + (ds_is_offsets(row) ? 1 : 0);
  *values = calloc((size_t)rows * (size_t)row->width + 1, ds_type_bytes(row->type));
  if (!*values)
    return m4_fail(err, M4_MEMORY, shard->path, "no memory for %lld rows of %s", (long long)rows, row->path);
  return ds_shard_read(shard, id, 0, rows, *values, err);
}

static m4_status check_table_offsets(const ds_shard *shard, const ds_row *row, m4_error *err) {
  const int64_t *offsets = shard->offsets[row->target];
  int64_t n = shard->totals[DS_SCENARIOS];
  bool ok = offsets[0] == 0 && offsets[n] == shard->totals[row->target];
  for (int64_t i = 0; i < n; ++i) ok &= offsets[i] <= offsets[i + 1];
  return ok ? M4_OK : ds_h5_reject(err, shard->path, row->path, "does not divide the rows it points into");
}

static m4_status load_table(ds_shard *shard, m4_error *err) {
  void *values = NULL;
  for (int id = 0; id < DS_N_ROWS; ++id) {
    const ds_row *row = &ds_schema[id];
    if (!ds_is_special(row)) continue;
    m4_status status = read_all(shard, (ds_row_id)id, &values, err);
    if (ds_is_offsets(row)) shard->offsets[row->target] = values;
    if (id == DS_ROW_NAME) shard->names = values;
    if (id == DS_ROW_PARAMS) shard->params = values;
    if (id == DS_ROW_UNFINISHED) shard->unfinished = values;
    M4_TRY(status);
    if (ds_is_offsets(row)) M4_TRY(check_table_offsets(shard, row, err));
  }
  return M4_OK;
}

m4_status ds_shard_open(ds_shard *shard, const char *path, m4_error *err) {
  memset(shard, 0, sizeof *shard);
  shard->file = H5I_INVALID_HID;
  for (int id = 0; id < DS_N_ROWS; ++id) shard->datasets[id] = H5I_INVALID_HID;
  shard->path = strdup(path);
  if (!shard->path) return m4_fail(err, M4_MEMORY, path, "no memory for a file name");
  ds_h5_lock();
  m4_status status = open_layout(shard, err);
  ds_h5_unlock();
  if (status == M4_OK) status = load_table(shard, err);
  if (status != M4_OK) ds_shard_close(shard);
  return status;
}

void ds_shard_close(ds_shard *shard) {
  if (!shard->path) return;
  ds_h5_lock();
  for (int id = 0; id < DS_N_ROWS; ++id)
    if (shard->datasets[id] >= 0) H5Dclose(shard->datasets[id]);
  if (shard->file >= 0) H5Fclose(shard->file);
  ds_h5_unlock();
  for (int axis = 0; axis < DS_N_AXES; ++axis) free(shard->offsets[axis]);
  free(shard->names);
  free(shard->unfinished);
  free(shard->params);
  free(shard->content_hash);
  free(shard->path);
  memset(shard, 0, sizeof *shard);
}
