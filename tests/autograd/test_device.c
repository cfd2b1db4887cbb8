/* Choosing a device: what "auto" and "cuda" say and take when the plug-in is missing, broken or there; and
 * that the memory of the device for tests is out of the host's reach. A plug-in is opened once per process,
 * so every case has a process of its own. */
#include "autograd/device.h"
#include "tests/autograd/cmocka_all.h"
#include "tests/autograd/cuda_on_host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int wait_for(pid_t child) {
  int status = 0;
  assert_true(child > 0 && waitpid(child, &status, 0) == child);
  return status;
}

/* ---- choosing ---- */

typedef struct wish {
  const char *plugin, *fault, *device;
  ag_gemm gemm;
  m4_status status;
  bool on_cpu;
  const char *line; /* what must be said; NULL = nothing */
} wish;

static bool contains(const char *text, const char *part) {
  return part ? text && strstr(text, part) : !text;
}

/* Twice: the second answer is the first. */
static bool is_granted(const wish *w) {
  bool good = true;
  setenv("M4_CUDA_PLUGIN", w->plugin, 1);
  if (w->fault) setenv("M4_FAR_FAULT", w->fault, 1);
  for (int i = 0; i < 2; ++i) {
    const ag_backend *backend = NULL;
    const char *why = "";
    m4_error err = {0};
    good = good && ag_device_open_with(&backend, w->device, w->gemm, &why, &err) == w->status;
    good = good && contains(w->status == M4_OK ? why : err.what, w->line);
    if (w->status == M4_OK) good = good && backend->host_memory == w->on_cpu;
  }
  return good;
}

static void expect(const wish *w) {
  pid_t child = fork();
  if (child == 0) _exit(is_granted(w) ? 0 : 1);
  int status = wait_for(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail_msg("device %s, plug-in %s, fault %s", w->device, w->plugin, w->fault ? w->fault : "none");
}

#define FAR M4_BUILD_DIR "/tests/far/libm4cuda.so"
#define OLD M4_BUILD_DIR "/tests/old/libm4cuda.so"

static void a_plugin_is_taken(void **state) {
  (void)state;
  expect(&(wish){.plugin = FAR, .device = "auto"});
  expect(&(wish){.plugin = FAR, .device = "cuda"});
  expect(&(wish){.plugin = FAR, .device = "cuda:0"});
  expect(&(wish){.plugin = FAR, .device = "cpu", .on_cpu = true});
}

static void auto_falls_back_and_says_why(void **state) {
  (void)state;
  expect(&(wish){.plugin = "/nowhere/libm4cuda.so",
                 .device = "auto",
                 .on_cpu = true,
                 .line = "no CUDA backend: /nowhere/libm4cuda.so: cannot open"});
  expect(&(wish){.plugin = FAR,
                 .fault = "open",
                 .device = "auto",
                 .on_cpu = true,
                 .line = "no CUDA backend: no device"});
  expect(&(wish){
      .plugin = OLD, .device = "auto", .on_cpu = true, .line = "is of version 2, the program wants 3"});
  expect(&(wish){.plugin = "libm.so.6", .device = "auto", .on_cpu = true, .line = "is not a plug-in of m4"});
  expect(&(wish){.plugin = "/nowhere/libm4cuda.so",
                 .device = "auto",
                 .gemm = AG_GEMM_TF32,
                 .on_cpu = true,
                 .line = "float32 products are used"});
}

static void cuda_fails_with_the_same_line(void **state) {
  (void)state;
  expect(&(wish){
      .plugin = "/nowhere/libm4cuda.so", .device = "cuda", .status = M4_IO, .line = "no CUDA backend:"});
  expect(&(wish){
      .plugin = OLD, .device = "cuda:0", .status = M4_IO, .line = "is of version 2, the program wants 3"});
  expect(&(wish){.plugin = FAR, .device = "cuda:7", .status = M4_IO, .line = "there is no device 7, only 2"});
  expect(&(wish){.plugin = FAR, .device = "gpu", .status = M4_USAGE, .line = "not known"});
}

/* ---- far memory ---- */

static void touch(float *memory) {
  *(volatile float *)memory = 1;
}

static void read_behind(float *memory) {
  const ag_backend *backend = cuda_on_host();
  backend->add_constant(backend, memory, 17, 1);
  backend->download(backend, &(float){0}, memory, sizeof(float));
}

static void use_freed(float *memory) {
  const ag_backend *backend = cuda_on_host();
  backend->free(backend, memory);
  backend->zero(backend, memory, sizeof *memory);
  backend->download(backend, &(float){0}, memory, sizeof(float));
}

static void expect_crash(void (*access)(float *)) {
  const ag_backend *backend = cuda_on_host();
  float *memory = backend->alloc(backend, 16 * sizeof *memory);
  assert_non_null(memory);
  backend->zero(backend, memory, 16 * sizeof *memory);
  assert_int_equal(ag_backend_status(backend, NULL), M4_OK);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    access(memory);
    _exit(0);
  }
  int status = wait_for(child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  backend->free(backend, memory);
}

static void stray_accesses_of_far_memory_crash(void **state) {
  (void)state;
  expect_crash(touch);
  expect_crash(read_behind);
  expect_crash(use_freed);
}

static void far_memory_keeps_what_is_uploaded(void **state) {
  (void)state;
  const ag_backend *backend = cuda_on_host();
  float values[4] = {1, 2, 3, 4}, found[4] = {0};
  float *memory = backend->alloc(backend, sizeof values), *other = backend->alloc(backend, sizeof values);
  backend->upload(backend, memory, values, sizeof values);
  backend->add_constant(backend, memory, 4, 0.5);
  backend->copy(backend, other, memory, sizeof values);
  backend->download(backend, found, other, sizeof values);
  for (int i = 0; i < 4; ++i) assert_true(found[i] == values[i] + 0.5f);
  backend->free(backend, memory);
  backend->free(backend, other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_plugin_is_taken),
      cmocka_unit_test(auto_falls_back_and_says_why),
      cmocka_unit_test(cuda_fails_with_the_same_line),
      cmocka_unit_test(stray_accesses_of_far_memory_crash),
      cmocka_unit_test(far_memory_keeps_what_is_uploaded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
