/* The plug-in's own code over a CUDA runtime on the host, where nothing is done before somebody waits:
 * uploads through the ring, failures, products of lower precision, several devices. */
#include "autograd/cuda/plugin.h"
#include "autograd/cuda/runtime.h"
#include "tests/autograd/cmocka_all.h"
#include "tests/autograd/cuda_on_host.h"
#include "tests/autograd/far_memory.h"
#include "tests/autograd/host_cuda/host_cuda.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the staging ring ---- */

enum { SLOT_BYTES = 256, MOST_BYTES = 5000 };

typedef struct ring {
  ag_staging staging;
  cudaStream_t stream;
  unsigned char *device; /* far */
} ring;

static void open_ring(ring *r, size_t device_bytes) {
  *r = (ring){0};
  cudaSetDevice(0);
  assert_int_equal(cudaStreamCreateWithFlags(&r->stream, cudaStreamNonBlocking), cudaSuccess);
  assert_int_equal(ag_staging_create(&r->staging, SLOT_BYTES), cudaSuccess);
  r->device = far_alloc(device_bytes);
}

static void close_ring(ring *r) {
  cudaStreamDestroy(r->stream);
  ag_staging_free(&r->staging);
  far_free(r->device);
}

static unsigned char pattern(size_t i) {
  return (unsigned char)(i * 31 + i / 251);
}

/* The host's bytes change as soon as the call has returned. */
static void upload(ring *r, size_t at, size_t bytes) {
  unsigned char values[MOST_BYTES];
  for (size_t i = 0; i < bytes; ++i) values[i] = pattern(at + i);
  assert_int_equal(ag_staging_upload(&r->staging, r->stream, r->device + at, values, bytes), cudaSuccess);
  memset(values, 0, bytes);
}

static void uploads_arrive_whatever_their_sizes(void **state) {
  (void)state;
  static const size_t sizes[] = {0,   1,   63,  64,   65,   191,  192,       255,
                                 256, 257, 512, 1000, 2048, 2049, MOST_BYTES};
  enum { N_SIZES = sizeof sizes / sizeof *sizes, ROUNDS = 7 };
  ring r;
  size_t end = 0;
  open_ring(&r, (size_t)ROUNDS * N_SIZES * MOST_BYTES);
  for (int round = 0; round < ROUNDS; ++round)
    for (size_t k = 0; k < N_SIZES; ++k) {
      size_t bytes = sizes[(k * 4 + (size_t)round) % N_SIZES];
      upload(&r, end, bytes);
      end += bytes;
    }
  assert_int_equal(cudaStreamSynchronize(r.stream), cudaSuccess);
  const unsigned char *found = far_near(r.device);
  for (size_t i = 0; i < end; ++i)
    if (found[i] != pattern(i)) fail_msg("byte %zu of %zu", i, end);
  close_ring(&r);
}

/* As long as the ring has room nobody waits; then only for the oldest slot. */
static void uploads_do_not_wait(void **state) {
  (void)state;
  ring r;
  open_ring(&r, (size_t)SLOT_BYTES * 4 * AG_STAGING_SLOTS);
  long before = host_cuda_waiting();
  for (size_t i = 0; i < AG_STAGING_SLOTS; ++i) upload(&r, i * SLOT_BYTES, SLOT_BYTES);
  assert_int_equal(host_cuda_waiting() - before, AG_STAGING_SLOTS);
  upload(&r, AG_STAGING_SLOTS * SLOT_BYTES, 1);
  assert_int_equal(host_cuda_waiting() - before, AG_STAGING_SLOTS);
  close_ring(&r);
}

/* ---- a device ---- */

typedef struct machine {
  ag_cuda *cuda;
  ag_backend backend;
} machine;

static void start(machine *m, int number, ag_gemm gemm) {
  char why[256] = "";
  m->cuda = ag_cuda_open(number, gemm, why, sizeof why);
  assert_string_equal(why, "");
  m->backend = (ag_backend){.context = m->cuda};
  ag_cuda_fill_memory(&m->backend);
  ag_cuda_fill(&m->backend);
}

static void nothing_waits_before_a_download(void **state) {
  (void)state;
  machine m;
  float values[64], found[64] = {0};
  start(&m, 1, AG_GEMM_F32);
  const ag_backend *b = &m.backend;
  assert_string_equal(b->name, "cuda:1");
  float *x = b->alloc(b, sizeof values);
  for (int i = 0; i < 64; ++i) values[i] = (float)i;
  b->upload(b, x, values, sizeof values);
  memset(values, 0, sizeof values);
  b->add_constant(b, x, 64, 0.5);
  assert_int_equal(host_cuda_waiting(), 2);
  b->download(b, found, x, sizeof found);
  assert_int_equal(host_cuda_waiting(), 0);
  for (int i = 0; i < 64; ++i) assert_true(found[i] == (float)i + 0.5f);
  b->free(b, x);
  ag_cuda_close(m.cuda);
}

static void a_large_download_needs_no_landing(void **state) {
  (void)state;
  enum { COUNT = 100000 };
  machine m;
  float *found = calloc(COUNT, sizeof *found);
  start(&m, 0, AG_GEMM_F32);
  const ag_backend *b = &m.backend;
  float *x = b->alloc(b, COUNT * sizeof *x);
  b->zero(b, x, COUNT * sizeof *x);
  b->add_constant(b, x, COUNT, 3);
  b->download(b, found, x, COUNT * sizeof *x);
  for (int i = 0; i < COUNT; ++i) assert_true(found[i] == 3);
  b->free(b, x);
  ag_cuda_close(m.cuda);
  free(found);
}

/* ---- failures ---- */

static void the_first_failure_is_kept(void **state) {
  (void)state;
  machine m;
  m4_error err = {0};
  float found[4] = {0};
  start(&m, 0, AG_GEMM_F32);
  const ag_backend *b = &m.backend;
  float *x = b->alloc(b, sizeof found);
  b->zero(b, x, sizeof found);
  host_cuda_fail_job(2);
  b->add_constant(b, x, 4, 1); /* the second job of the stream */
  assert_int_equal(ag_backend_status(b, &err), M4_OK);
  b->download(b, found, x, sizeof found);
  for (int i = 0; i < 4; ++i) assert_true(isnan(found[i]));
  assert_int_equal(ag_backend_status(b, &err), M4_IO);
  assert_string_equal(err.where, "cuda:0");
  assert_string_equal(err.what,
                      "waiting for the device: an illegal memory access was encountered (launch 3, the "
                      "last one: download)");
  assert_non_null(strstr(err.hint, "CUDA_LAUNCH_BLOCKING=1"));
  b->add_constant(b, x, 4, 1); /* nothing more is started, the first message stays */
  b->upload(b, x, found, sizeof found);
  assert_null(b->alloc(b, 16));
  m4_error again = {0};
  assert_int_equal(ag_backend_status(b, &again), M4_IO);
  assert_string_equal(again.what, err.what);
  host_cuda_recover();
  ag_cuda_close(m.cuda);
  far_free(x);
}

static void a_tape_reports_the_device(void **state) {
  (void)state;
  machine m;
  m4_arena arena;
  m4_error err = {0};
  ag_tape *tape;
  start(&m, 0, AG_GEMM_F32);
  assert_int_equal(m4_arena_init(&arena, 1 << 20, &err), M4_OK);
  assert_int_equal(ag_tape_create(&tape, &m.backend, &arena, &err), M4_OK);
  ag_tensor *sum = ag_sum(tape, ag_input(tape, 2, 2, (const float[]){1, 2, 3, 4}));
  assert_true(ag_item(tape, sum) == 10);
  host_cuda_fail_job(1);
  assert_true(isnan(ag_item(tape, ag_scale(tape, sum, 2))));
  assert_int_equal(ag_tape_status(tape, &err), M4_IO);
  host_cuda_recover();
  ag_tape_free(tape);
  m4_arena_free(&arena);
  ag_cuda_close(m.cuda);
}

static void no_memory_is_no_failure_of_the_device(void **state) {
  (void)state;
  machine m;
  start(&m, 0, AG_GEMM_F32);
  assert_null(m.backend.alloc(&m.backend, SIZE_MAX / 2));
  assert_int_equal(ag_backend_status(&m.backend, NULL), M4_OK);
  ag_cuda_close(m.cuda);
}

static void other_devices_and_versions_are_refused(void **state) {
  (void)state;
  char why[256];
  assert_null(m4_cuda_backend(AG_PLUGIN_VERSION + 1, 0, AG_GEMM_F32, why, sizeof why));
  assert_non_null(strstr(why, "libm4cuda.so is of version"));
  assert_null(m4_cuda_backend(AG_PLUGIN_VERSION, 2, AG_GEMM_F32, why, sizeof why));
  assert_string_equal(why, "no CUDA backend: there is no device 2, only 2");
  setenv("M4_FAR_FAULT", "open", 1);
  assert_null(m4_cuda_backend(AG_PLUGIN_VERSION, 0, AG_GEMM_F32, why, sizeof why));
  assert_string_equal(why, "no CUDA backend: no device: no CUDA-capable device is detected");
  unsetenv("M4_FAR_FAULT");
}

/* ---- products ---- */

/* Largest error of a product [5, 200] x [200, 7] relative to its largest element. */
static double product_error(ag_gemm gemm) {
  enum { M = 5, K = 200, N = 7 };
  machine m;
  float a[M * K], b[K * N], c[M * N];
  double worst = 0, largest = 0;
  start(&m, 0, gemm);
  const ag_backend *backend = &m.backend;
  for (int i = 0; i < M * K; ++i) a[i] = sinf((float)i);
  for (int i = 0; i < K * N; ++i) b[i] = cosf((float)(7 * i));
  float *far_a = backend->alloc(backend, sizeof a), *far_b = backend->alloc(backend, sizeof b),
        *far_c = backend->alloc(backend, sizeof c);
  backend->upload(backend, far_a, a, sizeof a);
  backend->upload(backend, far_b, b, sizeof b);
  const ag_product product = {.m = M,
                              .n = N,
                              .k = K,
                              .a = far_a,
                              .b = far_b,
                              .c = far_c,
                              .a_stride = K,
                              .b_stride = N,
                              .c_stride = N};
  m.cuda->device.multiply(&m.cuda->device, &product);
  backend->download(backend, c, far_c, sizeof c);
  for (int i = 0; i < M; ++i)
    for (int j = 0; j < N; ++j) {
      double sum = 0;
      for (int k = 0; k < K; ++k) sum += (double)a[i * K + k] * b[k * N + j];
      worst = fmax(worst, fabs(c[i * N + j] - sum));
      largest = fmax(largest, fabs(sum));
    }
  backend->free(backend, far_a);
  backend->free(backend, far_b);
  backend->free(backend, far_c);
  ag_cuda_close(m.cuda);
  return worst / largest;
}

static void products_are_as_exact_as_asked(void **state) {
  (void)state;
  double exact = product_error(AG_GEMM_F32), tf32 = product_error(AG_GEMM_TF32),
         bf16 = product_error(AG_GEMM_BF16);
  assert_true(exact < 1e-6);
  assert_true(tf32 > 1e-5 && tf32 < 1e-3);
  assert_true(bf16 > 2 * tf32 && bf16 < 1e-2);
}

static void kinds_of_products_have_names(void **state) {
  (void)state;
  assert_int_equal(ag_gemm_named("tf32"), AG_GEMM_TF32);
  assert_int_equal(ag_gemm_named("bf16"), AG_GEMM_BF16);
  assert_int_equal(ag_gemm_named("float32"), AG_GEMM_F32);
  const ag_backend *backend;
  const char *why;
  assert_int_equal(ag_device_open_with(&backend, "cpu", AG_GEMM_TF32, &why, NULL), M4_OK);
  assert_ptr_equal(backend, ag_cpu_backend(AG_F32));
  assert_non_null(strstr(why, "float32 products"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(uploads_arrive_whatever_their_sizes),
      cmocka_unit_test(uploads_do_not_wait),
      cmocka_unit_test(nothing_waits_before_a_download),
      cmocka_unit_test(a_large_download_needs_no_landing),
      cmocka_unit_test(the_first_failure_is_kept),
      cmocka_unit_test(a_tape_reports_the_device),
      cmocka_unit_test(no_memory_is_no_failure_of_the_device),
      cmocka_unit_test(other_devices_and_versions_are_refused),
      cmocka_unit_test(products_are_as_exact_as_asked),
      cmocka_unit_test(kinds_of_products_have_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
