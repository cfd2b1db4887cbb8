/* Finds and opens the CUDA plug-in. */
#include "autograd/device.h"

#include "autograd/backend.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Opened once per process and kept: a plug-in cannot be unloaded safely. */
typedef struct plugin {
  ag_plugin_fn open;
  char why[256]; /* why not */
} plugin;

static plugin the_plugin;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What M4_CUDA_PLUGIN says; else beside the program, in ../lib of its folder, or wherever the system looks.
 */
static void *open_library(void) {
  const char *chosen = getenv("M4_CUDA_PLUGIN");
  if (chosen && chosen[0]) return dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
  static const char *const places[] = {"", "../lib/", "../autograd/"};
  char program[PATH_MAX], path[PATH_MAX + 64];
  ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
  program[length < 0 ? 0 : length] = '\0';
  char *name = strrchr(program, '/');
  for (size_t i = 0; name && i < sizeof places / sizeof *places; ++i) {
    snprintf(path, sizeof path, "%.*s/%slibm4cuda.so", (int)(name - program), program, places[i]);
    void *library = access(path, R_OK) == 0 ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (library || access(path, R_OK) == 0) return library;
  }
  return dlopen("libm4cuda.so", RTLD_NOW | RTLD_LOCAL);
}

static void load(void) {
  void *library = open_library();
  if (!library) {
    snprintf(the_plugin.why, sizeof the_plugin.why, "no CUDA backend: %.200s", dlerror());
    return;
  }
  void *symbol = dlsym(library, AG_PLUGIN_SYMBOL);
  memcpy(&the_plugin.open, &symbol, sizeof symbol);
  if (!symbol)
    snprintf(the_plugin.why, sizeof the_plugin.why, "no CUDA backend: libm4cuda.so is not a plug-in of m4");
}

static const ag_backend *open_cuda(int number) {
  pthread_once(&once, load);
  return the_plugin.open ? the_plugin.open(AG_PLUGIN_VERSION, number, the_plugin.why, sizeof the_plugin.why)
                         : NULL;
}

/* "cuda" is device 0. */
static bool parse_number(const char *device, int *number) {
  *number = 0;
  if (strcmp(device, "cuda") == 0) return true;
  if (strncmp(device, "cuda:", 5) != 0 || device[5] == '\0') return false;
  char *end;
  long value = strtol(device + 5, &end, 10);
  *number = (int)value;
  return *end == '\0' && value >= 0 && value < 1024;
}

m4_status ag_device_open(const ag_backend **backend, const char *device, const char **why, m4_error *err) {
  int number = 0;
  bool automatic = strcmp(device, "auto") == 0;
  if (why) *why = NULL;
  *backend = ag_cpu_backend(AG_F32);
  if (strcmp(device, "cpu") == 0) return M4_OK;
  if (!automatic && !parse_number(device, &number))
    return m4_fail(err, M4_USAGE, "--device", "\"%.64s\" is not known, allowed: auto, cpu, cuda, cuda:N",
                   device);
  const ag_backend *cuda = open_cuda(number);
  if (cuda) *backend = cuda;
  if (cuda) return M4_OK;
  if (!automatic) return m4_fail(err, M4_IO, "--device", "%s: %s", device, the_plugin.why);
  if (why) *why = the_plugin.why;
  return M4_OK;
}
