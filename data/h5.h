/* What we use of HDF5: one lock, silent errors with a reason, text and number attributes, element types.
 * Knows schema.h. */
#ifndef DATA_H5_H
#define DATA_H5_H

#include "data/schema.h"

#include <hdf5.h>

/* HDF5 is serial and process-wide: every call happens between these two. Its own error printing is off in
 * between. */
void ds_h5_lock(void);
void ds_h5_unlock(void);

/* Fills err with "what: reason of HDF5" at "file: object" (object may be NULL). Call right after the HDF5
 * call that failed. */
m4_status ds_h5_fail(m4_error *err, m4_status status, const char *file, const char *object, const char *what);
/* The same for what HDF5 itself finds right. */
m4_status ds_h5_reject(m4_error *err, const char *file, const char *object, const char *what);

hid_t ds_h5_file_type(ds_type type);   /* little-endian, as stored; not to be closed */
hid_t ds_h5_memory_type(ds_type type); /* native */

/* Attributes. Texts have a fixed length; the reader accepts no other kind and at most max_bytes, and returns
 * malloc'ed text. */
m4_status ds_h5_write_text(hid_t object, const char *name, const char *text, const char *file, m4_error *err);
m4_status ds_h5_write_number(hid_t object, const char *name, uint64_t value, const char *file, m4_error *err);
m4_status ds_h5_read_text(hid_t object, const char *name, size_t max_bytes, char **text, const char *file,
                          m4_error *err);
m4_status ds_h5_read_number(hid_t object, const char *name, uint64_t *value, const char *file, m4_error *err);

#endif
