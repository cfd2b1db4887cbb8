/* Reading through libzip. Entries must be stored, so that none is longer than the file. */
#include "train/convert/archive.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum { MAX_NAME_BYTES = 512, MAX_ENTRIES = 100000 };

struct tr_archive {
  zip_t *zip;
  uint64_t file_bytes;
  char folder[MAX_NAME_BYTES]; /* with its slash */
  char path[1024];
};

static const char MAIN_ENTRY[] = "/data.pkl";

static m4_status find_folder(tr_archive *archive, m4_error *err) {
  zip_int64_t count = zip_get_num_entries(archive->zip, 0);
  if (count > MAX_ENTRIES) return m4_fail(err, M4_DATA, archive->path, "more than %d entries", MAX_ENTRIES);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char *name = zip_get_name(archive->zip, (zip_uint64_t)i, 0);
    const char *slash = name ? strchr(name, '/') : NULL;
    if (!slash || strcmp(slash, MAIN_ENTRY) != 0) continue;
    if (archive->folder[0]) return m4_fail(err, M4_DATA, archive->path, "more than one data.pkl");
    size_t length = (size_t)(slash - name) + 1;
    if (length >= sizeof archive->folder)
      return m4_fail(err, M4_DATA, archive->path, "folder name is too long");
    memcpy(archive->folder, name, length);
  }
  if (!archive->folder[0])
    return m4_fail(err, M4_DATA, archive->path,
                   "holds no data.pkl: not a file of torch.save or torch.jit.save");
  return M4_OK;
}

m4_status tr_archive_open(tr_archive **archive_out, const char *path, m4_error *err) {
  struct stat facts;
  if (stat(path, &facts) != 0) return m4_fail(err, M4_IO, path, "cannot read: %s", strerror(errno));
  tr_archive *archive = calloc(1, sizeof *archive);
  if (!archive) return m4_fail(err, M4_MEMORY, path, "no memory for reading an archive");
  snprintf(archive->path, sizeof archive->path, "%s", path);
  archive->file_bytes = (uint64_t)facts.st_size;
  int code = 0;
  archive->zip = zip_open(path, ZIP_RDONLY, &code);
  m4_status status = M4_OK;
  if (!archive->zip) {
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    status = m4_fail(err, M4_DATA, path, "not a readable zip archive: %s", zip_error_strerror(&reason));
    zip_error_fini(&reason);
    status = m4_hint(err, status,
                     "torch.save writes zip archives since PyTorch 1.6: older files have to be saved again");
  }
  if (status == M4_OK) status = find_folder(archive, err);
  if (status != M4_OK) {
    tr_archive_close(archive);
    return status;
  }
  *archive_out = archive;
  return M4_OK;
}

void tr_archive_close(tr_archive *archive) {
  if (!archive) return;
  if (archive->zip) zip_discard(archive->zip);
  free(archive);
}

uint64_t tr_archive_bytes(const tr_archive *archive) {
  return archive->file_bytes;
}

static m4_status check_entry(const tr_archive *archive, const char *name, uint64_t max_bytes,
                             zip_stat_t *entry, m4_error *err) {
  zip_stat_init(entry);
  const zip_uint64_t wanted =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD | ZIP_STAT_INDEX;
  if (zip_stat(archive->zip, name, 0, entry) != 0 || (entry->valid & wanted) != wanted)
    return m4_fail(err, M4_DATA, archive->path, "entry %.200s is missing", name);
  if (entry->comp_method != ZIP_CM_STORE || entry->encryption_method != ZIP_EM_NONE)
    return m4_fail(err, M4_DATA, archive->path, "entry %.200s is compressed or encrypted; PyTorch stores it",
                   name);
  if (entry->size > archive->file_bytes || entry->size > max_bytes)
    return m4_fail(err, M4_DATA, archive->path, "entry %.200s claims %llu bytes: too many", name,
                   (unsigned long long)entry->size);
  return M4_OK;
}

/* One read past the end makes libzip compare the checksum. */
static bool read_all(zip_t *zip, uint64_t index, unsigned char *bytes, uint64_t length) {
  zip_file_t *file = zip_fopen_index(zip, index, 0);
  if (!file) return false;
  uint64_t at = 0;
  zip_int64_t got = 1;
  while (at < length && (got = zip_fread(file, bytes + at, length - at)) > 0) at += (uint64_t)got;
  unsigned char extra;
  bool good = at == length && zip_fread(file, &extra, 1) == 0;
  return zip_fclose(file) == 0 && good;
}

m4_status tr_archive_read(tr_archive *archive, const char *name, uint64_t max_bytes, unsigned char **bytes,
                          size_t *length, m4_error *err) {
  char full_name[2 * MAX_NAME_BYTES];
  zip_stat_t entry;
  snprintf(full_name, sizeof full_name, "%s%s", archive->folder, name);
  M4_TRY(check_entry(archive, full_name, max_bytes, &entry, err));
  *length = (size_t)entry.size;
  *bytes = malloc(*length + 1);
  if (!*bytes) return m4_fail(err, M4_MEMORY, archive->path, "no memory for entry %.200s", full_name);
  if (read_all(archive->zip, entry.index, *bytes, *length)) return M4_OK;
  free(*bytes);
  *bytes = NULL;
  return m4_fail(err, M4_DATA, archive->path, "entry %.200s is damaged", full_name);
}
