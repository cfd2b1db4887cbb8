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

enum { MOST_DEVICES = 64 };

/* Opened once per process and kept: a plug-in cannot be unloaded safely. */
typedef struct plugin {
  ag_plugin_fn open;
  ag_exchange_fn exchange;
  char why[256]; /* why not */
  const ag_backend *opened[MOST_DEVICES][AG_GEMM_COUNT];
} plugin;

static plugin the_plugin;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *const ag_gemm_names[AG_GEMM_COUNT + 1] = {"float32", "tf32", "bf16", NULL};

ag_gemm ag_gemm_named(const char *name) {
  for (int kind = 0; kind < AG_GEMM_COUNT; ++kind)
    if (strcmp(name, ag_gemm_names[kind]) == 0) return (ag_gemm)kind;
  return AG_GEMM_F32;
}

/* ---- the plug-in ---- */

/* The plug-in brings large libraries along, which take a second to open: without a driver nobody needs them.
 */
static bool has_driver(void) {
  void *driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver) dlclose(driver);
  return driver != NULL;
}

/* What M4_CUDA_PLUGIN says; else beside the program, in ../lib of its folder, or wherever the system looks.
 */
static void *open_library(void) {
  const char *chosen = getenv("M4_CUDA_PLUGIN");
  if (chosen && chosen[0]) return dlopen(chosen, RTLD_NOW | RTLD_LOCAL);
  if (!has_driver()) return NULL;
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
  void *exchange = dlsym(library, AG_EXCHANGE_SYMBOL);
  memcpy(&the_plugin.exchange, &exchange, sizeof exchange);
  if (!symbol)
    snprintf(the_plugin.why, sizeof the_plugin.why, "no CUDA backend: libm4cuda.so is not a plug-in of m4");
}

static const ag_backend *open_cuda(int number, ag_gemm gemm) {
  pthread_mutex_lock(&lock);
  if (!the_plugin.open && !the_plugin.why[0]) load();
  const ag_backend **place = &the_plugin.opened[number][gemm];
  if (!*place && the_plugin.open)
    *place = the_plugin.open(AG_PLUGIN_VERSION, number, gemm, the_plugin.why, sizeof the_plugin.why);
  const ag_backend *backend = *place;
  pthread_mutex_unlock(&lock);
  return backend;
}

/* ---- names ---- */

/* "cuda" is device 0. */
static bool parse_number(const char *device, int *number) {
  *number = 0;
  if (strcmp(device, "cuda") == 0) return true;
  if (strncmp(device, "cuda:", 5) != 0 || device[5] == '\0') return false;
  char *end;
  long value = strtol(device + 5, &end, 10);
  *number = (int)value;
  return *end == '\0' && value >= 0 && value < MOST_DEVICES;
}

static const ag_backend *open_cpu(ag_gemm gemm, const char **why) {
  const ag_backend *backend = gemm == AG_GEMM_BF16 ? ag_cpu_bf16_backend() : ag_cpu_backend(AG_F32);
  if (!backend) *why = "no AVX512-BF16 on this CPU; float32 products are used";
  if (gemm == AG_GEMM_TF32) *why = "CPUs have no TF32; float32 products are used";
  return backend ? backend : ag_cpu_backend(AG_F32);
}

m4_status ag_device_open_with(const ag_backend **backend, const char *device, ag_gemm gemm, const char **why,
                              m4_error *err) {
  int number = 0;
  const char *nobody;
  bool automatic = strcmp(device, "auto") == 0;
  if (!why) why = &nobody;
  *why = NULL;
  *backend = open_cpu(gemm, why);
  if (strcmp(device, "cpu") == 0) return M4_OK;
  if (!automatic && !parse_number(device, &number))
    return m4_fail(err, M4_USAGE, "--device", "\"%.64s\" is not known, allowed: auto, cpu, cuda, cuda:N",
                   device);
  const ag_backend *cuda = open_cuda(number, gemm);
  if (cuda) {
    *backend = cuda;
    *why = NULL;
    return M4_OK;
  }
  if (!automatic) return m4_fail(err, M4_IO, "--device", "%s: %s", device, the_plugin.why);
  if (!*why) *why = the_plugin.why;
  return M4_OK;
}

m4_status ag_device_open(const ag_backend **backend, const char *device, const char **why, m4_error *err) {
  return ag_device_open_with(backend, device, AG_GEMM_F32, why, err);
}

/* ---- exchanges ---- */

static ag_exchange *exchange(const ag_backend *const *backends, int n_here, int first, int n_members,
                             unsigned char *id, char *why, size_t why_bytes) {
  pthread_mutex_lock(&lock);
  if (!the_plugin.open && !the_plugin.why[0]) load();
  ag_exchange_fn open = the_plugin.exchange;
  pthread_mutex_unlock(&lock);
  snprintf(why, why_bytes, "%s", open ? "" : the_plugin.open ? "the plug-in has no NCCL" : the_plugin.why);
  return open ? open(backends, n_here, first, n_members, id, why, why_bytes) : NULL;
}

m4_status ag_exchange_name(unsigned char id[AG_EXCHANGE_ID_BYTES], m4_error *err) {
  char why[256];
  exchange(NULL, 0, 0, 0, id, why, sizeof why);
  return why[0] ? m4_fail(err, M4_IO, "NCCL", "%s", why) : M4_OK;
}

m4_status ag_exchange_open(ag_exchange **opened, const ag_backend *const *backends, int n_here, int first,
                           int n_members, const unsigned char id[AG_EXCHANGE_ID_BYTES], m4_error *err) {
  char why[256];
  unsigned char copy[AG_EXCHANGE_ID_BYTES];
  memcpy(copy, id, sizeof copy);
  *opened = exchange(backends, n_here, first, n_members, copy, why, sizeof why);
  return *opened ? M4_OK : m4_fail(err, M4_IO, "NCCL", "%s", why);
}

void ag_exchange_close(ag_exchange *opened) {
  if (opened) opened->close(opened);
}
