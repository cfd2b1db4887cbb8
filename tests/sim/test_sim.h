/* What the tests of this room share: cmocka's includes and scratch files. */
#ifndef TEST_SIM_H
#define TEST_SIM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GBPS(x) ((int64_t)(x)*1000000000)

/* A new empty file in the temporary folder; path receives its name (64 bytes). */
static inline FILE *scratch_file(char *path) {
  snprintf(path, 64, "/tmp/m4_test_sim_XXXXXX");
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  return fdopen(fd, "w");
}

static inline void write_scratch(char *path, const char *text) {
  FILE *out = scratch_file(path);
  fputs(text, out);
  fclose(out);
}

#endif
