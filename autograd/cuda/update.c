/* From gradients to weights on a device (update.h): whole arrays at a time. */
#include "autograd/cuda/helpers.h"
#include "autograd/cuda/ops.h"

/* Sums over slices, a block of threads each; the host adds them up. */
enum { SLICE = 1 << 13 };

static int32_t count_slices(int64_t n) {
  return (int32_t)((n + SLICE - 1) / SLICE);
}

/* Sum over all slices of x[n]; as many at a time as there are scalars. */
static double reduce(const ag_backend *backend, ag_cuda_reduction kind, const float *x, int64_t n,
                     double limit) {
  float sums[AG_DEVICE_SCALARS], *there = ag_device_of(backend)->scalars;
  const int64_t at_once = (int64_t)AG_DEVICE_SCALARS * SLICE;
  double total = 0;
  for (int64_t first = 0; first < n; first += at_once) {
    int64_t count = n - first < at_once ? n - first : at_once;
    int32_t n_slices = count_slices(count);
    AG_RUN_BLOCKS(backend, reduce, .n_rows = n_slices, .kind = kind, .n = count, .slice = SLICE,
                  .x = x + first, .result = there, .limit = (float)limit);
    backend->download(backend, sums, there, (size_t)n_slices * sizeof *sums);
    for (int32_t i = 0; i < n_slices; ++i) total += (double)sums[i];
  }
  return total;
}

static bool all_finite(const ag_backend *backend, const void *x, int64_t n) {
  return reduce(backend, AG_CUDA_NOT_FINITE, x, n, 0) == 0;
}

static void add(const ag_backend *backend, void *sum, const void *x, int64_t n) {
  AG_RUN(backend, combine, .n = n, .y = sum, .a = sum, .b = x, .factor_a = 1, .factor_b = 1);
}

static void scale(const ag_backend *backend, void *x, int64_t n, double factor) {
  AG_RUN(backend, combine, .n = n, .y = x, .a = x, .factor_a = (float)factor);
}

static bool limit(const ag_backend *backend, void *x, int64_t n, double limit) {
  bool any = reduce(backend, AG_CUDA_BEYOND, x, n, limit) > 0;
  if (any) AG_RUN(backend, limit, .n = n, .x = x, .limit = (float)limit);
  return any;
}

static void squares(const ag_backend *backend, const void *x, const int64_t *n, int32_t n_arrays,
                    double *squares) {
  const float *array = x;
  for (int32_t i = 0; i < n_arrays; array += n[i++])
    squares[i] = reduce(backend, AG_CUDA_SQUARES, array, n[i], 0);
}

static void adam(const ag_backend *backend, const ag_adam *a, int64_t n) {
  AG_RUN(backend, adam, .n = n, .x = a->x, .m = a->m, .v = a->v, .gradient = a->gradient,
         .beta1 = (float)a->beta1, .rest1 = (float)(1 - a->beta1), .beta2 = (float)a->beta2,
         .rest2 = (float)(1 - a->beta2), .step_size = (float)-a->step_size,
         .root_correction2 = (float)a->root_correction2, .epsilon = (float)a->epsilon);
}

void ag_cuda_fill_update(ag_backend *backend) {
  backend->all_finite = all_finite;
  backend->add = add;
  backend->scale = scale;
  backend->limit = limit;
  backend->squares = squares;
  backend->adam = adam;
}
