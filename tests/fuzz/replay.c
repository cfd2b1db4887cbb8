/* Feeds files, and the files of folders, to a fuzz target: the corpus without libFuzzer. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

enum { MAX_FILE_BYTES = 1 << 20, PATH_BYTES = 4096 };

static void feed(const char *path) {
  FILE *file = fopen(path, "rb");
  FUZZ_CHECK(file);
  uint8_t *buffer = malloc(MAX_FILE_BYTES);
  FUZZ_CHECK(buffer);
  size_t length = fread(buffer, 1, MAX_FILE_BYTES, file);
  fclose(file);
  uint8_t *exact = malloc(length + 1); /* reading past the end is noticed */
  FUZZ_CHECK(exact);
  memcpy(exact + 1, buffer, length);
  free(buffer);
  LLVMFuzzerTestOneInput(exact + 1, length);
  free(exact);
}

static int feed_folder(DIR *folder, const char *dir) {
  int count = 0;
  for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    char path[PATH_BYTES];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    feed(path);
    count++;
  }
  return count;
}

int main(int argc, char **argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    DIR *folder = opendir(argv[i]);
    if (folder) {
      count += feed_folder(folder, argv[i]);
      closedir(folder);
    } else {
      feed(argv[i]);
      count++;
    }
  }
  printf("%d files\n", count);
  return count > 0 ? 0 : 1;
}
