/* HDF5 behind one lock. The lock is the only process-wide state here: the library it guards is process-wide,
 * too. */
#include "data/h5.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t h5_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t h5_once = PTHREAD_ONCE_INIT;

/* After a failed close (full disk) HDF5's own cleanup at exit crashes; we close everything ourselves. */
static void forgo_exit_cleanup(void) {
  H5dont_atexit();
}

void ds_h5_lock(void) {
  pthread_once(&h5_once, forgo_exit_cleanup);
  pthread_mutex_lock(&h5_mutex);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* error stacks belong to threads */
}

void ds_h5_unlock(void) {
  pthread_mutex_unlock(&h5_mutex);
}

enum { REASON_BYTES = 128 };

/* Keeps the innermost reason; of a failed system call only what the system said. */
static herr_t first_reason(unsigned depth, const H5E_error2_t *entry, void *reason) {
  static const char marker[] = "error message = '";
  if (depth != 0 || !entry->desc) return 0;
  const char *said = strstr(entry->desc, marker);
  const char *begin = said ? said + sizeof marker - 1 : entry->desc;
  snprintf(reason, REASON_BYTES, ": %.*s", (int)strcspn(begin, said ? "'\n" : "\n"), begin);
  return 0;
}

static void place_of(char place[512], const char *file, const char *object) {
  snprintf(place, 512, "%s%s%s", file, object ? ": " : "", object ? object : "");
}

m4_status ds_h5_fail(m4_error *err, m4_status status, const char *file, const char *object,
                     const char *what) {
  char reason[REASON_BYTES] = "", place[512];
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
  place_of(place, file, object);
  return m4_fail(err, status, place, "%s%s", what, reason);
}

m4_status ds_h5_reject(m4_error *err, const char *file, const char *object, const char *what) {
  char place[512];
  place_of(place, file, object);
  return m4_fail(err, M4_DATA, place, "%s", what);
}

hid_t ds_h5_file_type(ds_type type) {
  switch (type) {
  case DS_U8:
    return H5T_STD_U8LE;
  case DS_I32:
    return H5T_STD_I32LE;
  case DS_I64:
    return H5T_STD_I64LE;
  case DS_F64:
    return H5T_IEEE_F64LE;
  }
  return H5I_INVALID_HID;
}

hid_t ds_h5_memory_type(ds_type type) {
  switch (type) {
  case DS_U8:
    return H5T_NATIVE_UINT8;
  case DS_I32:
    return H5T_NATIVE_INT32;
  case DS_I64:
    return H5T_NATIVE_INT64;
  case DS_F64:
    return H5T_NATIVE_DOUBLE;
  }
  return H5I_INVALID_HID;
}

static bool write_attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type,
                            const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t attribute = H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool ok = attribute >= 0 && H5Awrite(attribute, memory_type, value) >= 0;
  if (attribute >= 0) ok &= H5Aclose(attribute) >= 0;
  if (space >= 0) H5Sclose(space);
  return ok;
}

m4_status ds_h5_write_text(hid_t object, const char *name, const char *text, const char *file,
                           m4_error *err) {
  hid_t type = H5Tcopy(H5T_C_S1);
  bool ok = type >= 0 && H5Tset_size(type, strlen(text) + 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0 &&
            write_attribute(object, name, type, type, text);
  m4_status status = ok ? M4_OK : ds_h5_fail(err, M4_IO, file, name, "cannot write attribute");
  if (type >= 0) H5Tclose(type);
  return status;
}

m4_status ds_h5_write_number(hid_t object, const char *name, uint64_t value, const char *file,
                             m4_error *err) {
  if (write_attribute(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value)) return M4_OK;
  return ds_h5_fail(err, M4_IO, file, name, "cannot write attribute");
}

/* An open scalar attribute with its type. */
typedef struct scalar {
  hid_t attribute, type;
} scalar;

static void close_scalar(scalar *s) {
  if (s->type >= 0) H5Tclose(s->type);
  if (s->attribute >= 0) H5Aclose(s->attribute);
}

static m4_status open_scalar(scalar *s, hid_t object, const char *name, const char *file, m4_error *err) {
  *s = (scalar){H5Aopen(object, name, H5P_DEFAULT), H5I_INVALID_HID};
  if (s->attribute < 0) return ds_h5_fail(err, M4_DATA, file, name, "attribute cannot be opened");
  s->type = H5Aget_type(s->attribute);
  hid_t space = H5Aget_space(s->attribute);
  bool ok = s->type >= 0 && space >= 0 && H5Sget_simple_extent_type(space) == H5S_SCALAR;
  if (space >= 0) H5Sclose(space);
  if (ok) return M4_OK;
  close_scalar(s);
  return ds_h5_reject(err, file, name, "attribute is not a single value");
}

m4_status ds_h5_read_text(hid_t object, const char *name, size_t max_bytes, char **text, const char *file,
                          m4_error *err) {
  *text = NULL;
  scalar s;
  M4_TRY(open_scalar(&s, object, name, file, err));
  m4_status status = M4_OK;
  size_t bytes = H5Tget_size(s.type);
  if (H5Tget_class(s.type) != H5T_STRING || H5Tis_variable_str(s.type) != 0 || bytes == 0 ||
      bytes > max_bytes + 1)
    status = ds_h5_reject(err, file, name, "attribute is not a text of fixed, permitted length");
  else if (!(*text = calloc(bytes + 1, 1)))
    status = m4_fail(err, M4_MEMORY, file, "no memory for %zu bytes of attribute %s", bytes, name);
  else if (H5Aread(s.attribute, s.type, *text) < 0)
    status = ds_h5_fail(err, M4_DATA, file, name, "attribute cannot be read");
  close_scalar(&s);
  if (status != M4_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}

m4_status ds_h5_read_number(hid_t object, const char *name, uint64_t *value, const char *file,
                            m4_error *err) {
  scalar s;
  M4_TRY(open_scalar(&s, object, name, file, err));
  m4_status status = M4_OK;
  if (H5Tequal(s.type, H5T_STD_U64LE) <= 0)
    status = ds_h5_reject(err, file, name, "attribute is not an unsigned 64-bit number");
  else if (H5Aread(s.attribute, H5T_NATIVE_UINT64, value) < 0)
    status = ds_h5_fail(err, M4_DATA, file, name, "attribute cannot be read");
  close_scalar(&s);
  return status;
}
