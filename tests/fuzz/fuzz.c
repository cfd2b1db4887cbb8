/* The scratch folder of a fuzz target: in memory where the system has such a place, here otherwise. */
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

enum { FOLDER_BYTES = 64, PATH_BYTES = 256 };
static char folder[FOLDER_BYTES];

static void remove_folder(void) {
  char command[PATH_BYTES];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  if (system(command) != 0) fprintf(stderr, "cannot remove %s\n", folder);
}

const char *fuzz_folder(void) {
  if (folder[0]) return folder;
  snprintf(folder, sizeof folder, "%s/m4-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : ".");
  FUZZ_CHECK(mkdtemp(folder));
  atexit(remove_folder);
  return folder;
}

const char *fuzz_write(const char *name, const void *bytes, size_t length) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  FILE *file = fopen(path, "wb");
  FUZZ_CHECK(file);
  FUZZ_CHECK(fwrite(bytes, 1, length, file) == length);
  fclose(file);
  return path;
}
