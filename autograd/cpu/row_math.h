/* Sums over one row in an order that depends on its length only, so that equal rows give equal bits. 16
 * running sums: the loop vectorises without reordering anything. Included by each_type.h once per element
 * type; no include guard. */

static inline ag_real AG_T(row_dot)(const ag_real *a, const ag_real *b, int32_t n) {
  ag_real lane[16] = {0};
  int32_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int32_t k = 0; k < 16; ++k) lane[k] += a[i + k] * b[i + k];
  for (int32_t k = 0; i < n; ++i, ++k) lane[k] += a[i] * b[i];
  for (int32_t half = 8; half > 0; half /= 2)
    for (int32_t k = 0; k < half; ++k) lane[k] += lane[k + half];
  return lane[0];
}

static inline ag_real AG_T(row_sum)(const ag_real *a, int32_t n) {
  ag_real lane[16] = {0};
  int32_t i = 0;
  for (; i + 16 <= n; i += 16)
    for (int32_t k = 0; k < 16; ++k) lane[k] += a[i + k];
  for (int32_t k = 0; i < n; ++i, ++k) lane[k] += a[i];
  for (int32_t half = 8; half > 0; half /= 2)
    for (int32_t k = 0; k < half; ++k) lane[k] += lane[k + half];
  return lane[0];
}

/* y += factor * x */
static inline void AG_T(add_scaled)(ag_real *restrict y, const ag_real *restrict x, ag_real factor,
                                    int64_t n) {
  for (int64_t j = 0; j < n; ++j) y[j] += factor * x[j];
}

/* Every row of y [n, width] = row */
static inline void AG_T(fill_rows)(ag_real *y, const ag_real *row, int32_t n, int32_t width) {
  for (int32_t i = 0; i < n; ++i, y += width) memcpy(y, row, (size_t)width * sizeof *y);
}
