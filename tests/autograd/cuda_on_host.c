/* The plug-in's backend for device 0, made once. */
#include "tests/autograd/cuda_on_host.h"

#include "autograd/cuda/plugin.h"

#include <pthread.h>

static const ag_backend *the_backend;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void) {
  char why[256];
  the_backend = m4_cuda_backend(AG_PLUGIN_VERSION, 0, AG_GEMM_F32, why, sizeof why);
}

const ag_backend *cuda_on_host(void) {
  pthread_once(&once, make);
  return the_backend;
}
