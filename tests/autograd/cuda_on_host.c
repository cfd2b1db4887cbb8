/* Loops over blocks and threads instead of a launch; products by plain loops; far memory. */
#include "tests/autograd/cuda_on_host.h"

#include "autograd/cuda/bodies.h"
#include "autograd/cuda/device.h"
#include "tests/autograd/far_memory.h"

#include <pthread.h>
#include <string.h>

/* ---- arguments ---- */

/* A copy of a kernel's arguments whose pointers lead to the bytes. Any word that looks like a far address is
 * one: they are above all counts and seeds. */
enum { MOST_WORDS = 32 };
static void fetch(void *near, const void *args, size_t bytes) {
  uintptr_t words[MOST_WORDS];
  memcpy(words, args, bytes);
  for (size_t i = 0; i < bytes / sizeof *words; ++i) words[i] = (uintptr_t)far_near((const void *)words[i]);
  memcpy(near, words, bytes);
}

/* ---- kernels ---- */

static void run_each(ag_device *device, ag_each kernel, const void *args) {
  (void)device;
  switch (kernel) {
#define AG_EACH(name)                                                                                        \
  case AG_EACH_##name: {                                                                                     \
    ag_##name##_args a;                                                                                      \
    fetch(&a, args, sizeof a);                                                                               \
    for (int64_t block = 0; block < AG_EACH_BLOCKS(a.n); ++block)                                            \
      for (int32_t thread = 0; thread < AG_EACH_THREADS; ++thread)                                           \
        if (ag_cuda_element(block, thread) < a.n) ag_##name##_body(&a, ag_cuda_element(block, thread));      \
    break;                                                                                                   \
  }
#define AG_BLOCK(name)
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_EACH_COUNT:
    break;
  }
}

/* Threads of a step run from the last to the first: a body that reads what another thread writes in the same
 * step shows. */
static void run_block(ag_device *device, ag_block kernel, const void *args) {
  (void)device;
  double shared[AG_SHARED_DOUBLES];
  switch (kernel) {
#define AG_EACH(name)
#define AG_BLOCK(name)                                                                                       \
  case AG_BLOCK_##name: {                                                                                    \
    ag_##name##_args a;                                                                                      \
    fetch(&a, args, sizeof a);                                                                               \
    for (int32_t row = 0; row < a.n_rows; ++row) {                                                           \
      memset(shared, 0x7f, sizeof shared);                                                                   \
      for (int step = 0; step < ag_##name##_steps; ++step)                                                   \
        for (int32_t thread = AG_BLOCK_THREADS - 1; thread >= 0; --thread)                                   \
          ag_##name##_body(&a, row, thread, step, shared);                                                   \
    }                                                                                                        \
    break;                                                                                                   \
  }
#include "autograd/cuda/kernels.def"
#undef AG_EACH
#undef AG_BLOCK
  case AG_BLOCK_COUNT:
    break;
  }
}

/* Every element of c is the sum over k in ascending order, added to what was there. */
static void multiply(ag_device *device, const ag_product *product) {
  enum { STRIP = 256 };
  ag_product p;
  (void)device;
  fetch(&p, product, sizeof p);
  for (int32_t i = 0; i < p.m; ++i)
    for (int32_t first = 0; first < p.n; first += STRIP) {
      int32_t n = p.n - first < STRIP ? p.n - first : STRIP;
      float sums[STRIP] = {0}, *c = &p.c[(int64_t)i * p.c_stride + first];
      for (int64_t k = 0; k < p.k; ++k) {
        float a = p.a_transposed ? p.a[k * p.a_stride + i] : p.a[(int64_t)i * p.a_stride + k];
        for (int32_t j = 0; j < n; ++j) sums[j] += a * p.b[k * p.b_stride + first + j];
      }
      for (int32_t j = 0; j < n; ++j) c[j] = p.accumulate ? c[j] + sums[j] : sums[j];
    }
}

/* ---- memory ---- */

static void *take(const ag_backend *backend, size_t bytes) {
  (void)backend;
  return far_alloc(bytes);
}

static void give_back(const ag_backend *backend, void *memory) {
  (void)backend;
  far_free(memory);
}

static void copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  if (bytes) memcpy(far_near(to), far_near(from), bytes);
}

static void zero(const ag_backend *backend, void *memory, size_t bytes) {
  (void)backend;
  if (bytes) memset(far_near(memory), 0, bytes);
}

/* ---- the backend, also as a plug-in ---- */

static ag_backend the_backend;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make(void) {
  static ag_device device = {.run_each = run_each, .run_block = run_block, .multiply = multiply};
  device.scalar = far_alloc(sizeof *device.scalar);
  the_backend = (ag_backend){.name = "cuda on the host",
                             .context = &device,
                             .alloc = take,
                             .free = give_back,
                             .upload = copy,
                             .download = copy,
                             .copy = copy,
                             .zero = zero};
  ag_cuda_fill(&the_backend);
}

const ag_backend *cuda_on_host(void) {
  pthread_once(&once, make);
  return &the_backend;
}
