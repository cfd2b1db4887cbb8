/* What the fuzz targets share. A target is one function that reads bytes nobody vouches for; it is linked
 * with libFuzzer (tests/fuzz/run) or with replay.c, which feeds files (ctest). A broken promise aborts;
 * errors are fine. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* A folder of this process, removed at its end. */
const char *fuzz_folder(void);
/* Writes folder/name and returns its path in a static buffer. */
const char *fuzz_write(const char *name, const void *bytes, size_t length);

#define FUZZ_CHECK(promise)                                                                                  \
  do {                                                                                                       \
    if (!(promise)) {                                                                                        \
      fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #promise);                          \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)

#endif
