/* A state_dict as torch.save writes it: one pickle (protocol 2) and one raw entry per tensor, all stored. */
#include "train/convert/torch_file.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

/* ---- the pickle ---- */

static void put_number(FILE *out, uint64_t number, int bytes) {
  for (int i = 0; i < bytes; ++i) fputc((int)(number >> (8 * i) & 255), out);
}

static void put_text(FILE *out, const char *text) {
  fputc('X', out);
  put_number(out, strlen(text), 4);
  fputs(text, out);
}

/* BININT where it fits, else LONG1. */
static void put_integer(FILE *out, int64_t number) {
  if (number <= INT32_MAX) {
    fputc('J', out);
    put_number(out, (uint64_t)number, 4);
  } else {
    fputs("\x8a\x08", out);
    put_number(out, (uint64_t)number, 8);
  }
}

static void put_storage(FILE *out, int32_t index, int64_t count) {
  char name[16];
  snprintf(name, sizeof name, "%d", (int)index);
  fputc('(', out);
  put_text(out, "storage");
  fputs("ctorch\nFloatStorage\n", out);
  put_text(out, name);
  put_text(out, "cpu");
  put_integer(out, count);
  fputs("tQ", out);
}

static void put_tensor(FILE *out, int32_t index, const nn_tensor *tensor) {
  put_text(out, tensor->name);
  fputs("ctorch._utils\n_rebuild_tensor_v2\n(", out);
  put_storage(out, index, tensor->count);
  put_integer(out, 0);
  fputc('(', out);
  for (int32_t d = 0; d < tensor->rank; ++d) put_integer(out, tensor->shape[d]);
  fputs("t(", out);
  for (int32_t d = 0; d < tensor->rank; ++d) {
    int64_t stride = 1;
    for (int32_t inner = d + 1; inner < tensor->rank; ++inner) stride *= tensor->shape[inner];
    put_integer(out, stride);
  }
  fputs("t\x89"
        "ccollections\nOrderedDict\n)RtR",
        out);
}

static m4_status make_pickle(char **text, size_t *length, const nn_tensor *tensors, int32_t count,
                             m4_error *err) {
  FILE *out = open_memstream(text, length);
  if (!out) return m4_fail(err, M4_MEMORY, NULL, "no memory for a pickle");
  fputs("\x80\x02"
        "ccollections\nOrderedDict\n)R(",
        out);
  for (int32_t i = 0; i < count; ++i) put_tensor(out, i, &tensors[i]);
  fputs("u.", out);
  int failed = ferror(out);
  if (fclose(out) == 0 && !failed) return M4_OK;
  free(*text);
  *text = NULL;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for a pickle");
}

/* ---- the archive ---- */

/* The bytes must stay until the archive is closed. Always the same date: same weights, same file. */
static int add_entry(zip_t *zip, const char *name, const void *bytes, size_t length) {
  zip_source_t *source = zip_source_buffer(zip, bytes, length, 0);
  if (!source) return -1;
  zip_int64_t index = zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    return -1;
  }
  if (zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) != 0) return -1;
  return zip_file_set_dostime(zip, (zip_uint64_t)index, 0, (1 << 5) | 1, 0); /* 1 January 1980 */
}

static int add_entries(zip_t *zip, const char *pickle, size_t length, const nn_tensor *tensors,
                       int32_t count) {
  if (add_entry(zip, "archive/data.pkl", pickle, length) != 0) return -1;
  if (add_entry(zip, "archive/byteorder", "little", 6) != 0) return -1;
  for (int32_t i = 0; i < count; ++i) {
    char name[48];
    snprintf(name, sizeof name, "archive/data/%d", (int)i);
    if (add_entry(zip, name, tensors[i].bytes, 4 * (size_t)tensors[i].count) != 0) return -1;
  }
  return add_entry(zip, "archive/version", "3\n", 2);
}

static m4_status write_archive(const char *temp_path, const char *path, const char *pickle, size_t length,
                               const nn_tensor *tensors, int32_t count, m4_error *err) {
  int code = 0;
  zip_t *zip = zip_open(temp_path, ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!zip) return m4_fail(err, M4_IO, path, "cannot write: %s", strerror(errno));
  if (add_entries(zip, pickle, length, tensors, count) != 0 || zip_close(zip) != 0) {
    m4_status status = m4_fail(err, M4_IO, path, "cannot write: %s", zip_strerror(zip));
    zip_discard(zip);
    return status;
  }
  return m4_file_publish(temp_path, path, err);
}

m4_status tr_torch_write(const char *path, const nn_tensor *tensors, int32_t count, m4_error *err) {
  char temp_path[4096], *pickle = NULL;
  size_t length = 0;
  int written = snprintf(temp_path, sizeof temp_path, "%s.tmp.%ld", path, (long)getpid());
  if (written < 0 || (size_t)written >= sizeof temp_path)
    return m4_fail(err, M4_USAGE, path, "the file name is too long");
  M4_TRY(make_pickle(&pickle, &length, tensors, count, err));
  m4_status status = write_archive(temp_path, path, pickle, length, tensors, count, err);
  if (status != M4_OK) unlink(temp_path);
  free(pickle);
  return status;
}
