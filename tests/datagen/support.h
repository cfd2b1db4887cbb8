/* Small things the tests of datagen share: files in a temporary folder, paths of the shipped tables. */
#ifndef TESTS_DATAGEN_SUPPORT_H
#define TESTS_DATAGEN_SUPPORT_H

#include "base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SHIPPED(name) M4_TEST_DATA "/../../configs/workloads/" name

/* Shows the error of a call that should have worked. */
#define assert_ok(call)                                                                                      \
  do {                                                                                                       \
    m4_error assert_error_ = {0}, *err = &assert_error_;                                                     \
    if ((call) != M4_OK) fail_msg("%s: %s", assert_error_.where, assert_error_.what);                        \
  } while (0)

/* cmocka group fixture: *state = path of a fresh folder. */
static inline int make_folder(void **state) {
  char *path = strdup("m4_test_datagen_XXXXXX");
  *state = path;
  return path && mkdtemp(path) ? 0 : -1;
}

static inline int remove_folder(void **state) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", (char *)*state);
  int result = system(command);
  free(*state);
  return result;
}

/* Writes folder/name and returns its path in a static buffer. */
static inline const char *write_text(const char *folder, const char *name, const char *text) {
  static char path[512];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  return path;
}

#endif
