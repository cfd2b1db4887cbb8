/* Looks beside the running program. */
#include "sim/default_checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

m4_status sim_default_checkpoint(char *path, size_t path_bytes, m4_error *err) {
  /* <prefix>/bin/m4-sim and <source>/build/<preset>/sim/m4-sim */
  static const char *const places[] = {"../share/m4", "../../../checkpoints"};
  char program[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length < 0 ? 0 : length] = '\0';
  char *name = strrchr(program, '/');
  for (size_t i = 0; name && i < sizeof places / sizeof *places; ++i) {
    int written =
        snprintf(path, path_bytes, "%.*s/%s/compact.safetensors", (int)(name - program), program, places[i]);
    if (written > 0 && (size_t)written < path_bytes && access(path, R_OK) == 0) return M4_OK;
  }
  m4_fail(err, M4_USAGE, "--checkpoint", "missing: --backend m4 needs weights (.safetensors)");
  return m4_hint(err, M4_USAGE,
                 "the weights that come with m4, checkpoints/compact.safetensors, were not found");
}
