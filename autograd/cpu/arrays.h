/* Array helpers of the CPU backend, compiled once per element type by backend.c (see each_type.h); no include
 * guard. */

static void AG_T(add_constant)(const ag_backend *backend, void *memory, int64_t n, double value) {
  (void)backend;
  ag_real *x = memory;
  for (int64_t i = 0; i < n; ++i) x[i] += (ag_real)value;
}

static bool AG_T(all_finite)(const ag_backend *backend, const void *memory, int64_t n) {
  (void)backend;
  const ag_real *x = memory;
  int bad = 0;
  for (int64_t i = 0; i < n; ++i) bad |= !(x[i] - x[i] == 0); /* inf - inf and NaN - NaN are NaN */
  return !bad;
}

static void AG_T(transpose)(const ag_backend *backend, void *to, const void *from, int32_t rows,
                            int32_t cols) {
  (void)backend;
  ag_real *out = to;
  const ag_real *in = from;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < cols; ++j) out[j * rows + i] = in[i * cols + j];
}

static void AG_T(add_rows)(const ag_backend *backend, void *sum, const void *rows, const void *scale,
                           int32_t n, int32_t cols) {
  (void)backend;
  ag_real *restrict total = sum;
  const ag_real *restrict row = rows;
  const ag_real *factor = scale;
  for (int32_t i = 0; i < n; ++i, row += cols) {
    ag_real f = factor ? factor[i] : 1;
    for (int32_t j = 0; j < cols; ++j) total[j] += f * row[j];
  }
}

static void AG_T(add)(const ag_backend *backend, void *sum, const void *x, int64_t n) {
  (void)backend;
  ag_real *restrict total = sum;
  const ag_real *restrict part = x;
  for (int64_t i = 0; i < n; ++i) total[i] += part[i];
}

static void AG_T(scale_array)(const ag_backend *backend, void *memory, int64_t n, double factor) {
  (void)backend;
  ag_real *x = memory;
  for (int64_t i = 0; i < n; ++i) x[i] *= (ag_real)factor;
}

static bool AG_T(limit)(const ag_backend *backend, void *memory, int64_t n, double limit) {
  (void)backend;
  ag_real *x = memory;
  bool any = false;
  for (int64_t i = 0; i < n; ++i) {
    if (fabs((double)x[i]) <= limit) continue;
    any = true;
    x[i] = (ag_real)copysign(limit, (double)x[i]);
  }
  return any;
}

static void AG_T(squares)(const ag_backend *backend, const void *memory, const int64_t *n, int32_t n_arrays,
                          double *squares) {
  (void)backend;
  const ag_real *x = memory;
  for (int32_t array = 0; array < n_arrays; x += n[array++]) {
    squares[array] = 0;
    for (int64_t i = 0; i < n[array]; ++i) squares[array] += (double)x[i] * (double)x[i];
  }
}

/* PyTorch's order of operations. */
static void AG_T(adam)(const ag_backend *backend, const ag_adam *a, int64_t n) {
  (void)backend;
  ag_real *restrict x = a->x, *restrict m = a->m, *restrict v = a->v;
  const ag_real *restrict gradient = a->gradient;
  const ag_real beta1 = (ag_real)a->beta1, beta2 = (ag_real)a->beta2, epsilon = (ag_real)a->epsilon;
  const ag_real rest1 = (ag_real)(1.0 - a->beta1), rest2 = (ag_real)(1.0 - a->beta2);
  const ag_real root_correction2 = (ag_real)a->root_correction2, step_size = (ag_real)-a->step_size;
  for (int64_t i = 0; i < n; ++i) {
    m[i] = m[i] * beta1 + rest1 * gradient[i];
    v[i] = v[i] * beta2 + rest2 * gradient[i] * gradient[i];
    x[i] = x[i] + step_size * m[i] /
                      ((ag_real)(sizeof(ag_real) == sizeof(float) ? sqrtf((float)v[i]) : sqrt(v[i])) /
                           root_correction2 +
                       epsilon);
  }
}
