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
