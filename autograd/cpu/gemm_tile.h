/* The matrix product, compiled once per element type by gemm.c (see each_type.h); no include guard.
 *
 * Every element of c is a sum of chains of fused multiply-adds over DEPTH steps of k each, in order of k, in
 * every tile shape and position: the bits of a row depend on that row of a and on b only, not on how many
 * rows are multiplied together; and short chains round less than one long one. Speed comes from keeping a
 * tile of c in registers; few rows take wide tiles, so that even one row keeps the multipliers busy. b is
 * read where it lies, nothing is packed. */

#define LANES ((int32_t)(VECTOR_BYTES / sizeof(ag_real)))
typedef ag_real AG_T(vector) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(ag_real)), may_alias));

/* One tile: c [rows, vectors * LANES] (+)= a b. Element (i, k) of a is a[i * a_row + k * a_step]. */
typedef struct AG_T(operands) {
  const ag_real *a, *b;
  ag_real *c;
  int64_t a_row, a_step, b_stride, c_stride;
  int32_t depth;
  bool accumulate;
} AG_T(operands);

static inline __attribute__((always_inline)) void AG_T(tile)(const int rows, const int vectors,
                                                             const AG_T(operands) * o) {
  AG_T(vector) sum[MAX_ROWS][8], column[8];
  const ag_real *a = o->a, *b = o->b;
  UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) {
    sum[i][v] = (AG_T(vector)){0};
    if (o->accumulate) __builtin_prefetch(o->c + i * o->c_stride + v * LANES); /* read after the loop */
  }
  for (int32_t k = 0; k < o->depth; ++k, a += o->a_step, b += o->b_stride) {
    UNROLL for (int v = 0; v < vectors; ++v) {
      __builtin_prefetch(b + AHEAD * o->b_stride + v * LANES);
      column[v] = *(const AG_T(vector) *)(b + v * LANES);
      KEEP_IN_REGISTER(column[v]);
    }
    UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] +=
        a[i * o->a_row] * column[v];
  }
  if (o->accumulate)
    UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] +=
        *(const AG_T(vector) *)(o->c + i * o->c_stride + v * LANES);
  UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) *
      (AG_T(vector) *)(o->c + i * o->c_stride + v * LANES) = sum[i][v];
}

/* clang-format off */
/* The tile shapes: 1 .. 12 rows by 1, 2, 4 or 8 vectors, as far as their sums fit into registers. */
#define TILE(rows, vectors)                                                                                  \
  static void AG_T(tile_##rows##_##vectors)(const AG_T(operands) *o) { AG_T(tile)(rows, vectors, o); }
TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(1, 8) TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(2, 8)
TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(4, 1) TILE(4, 2) TILE(4, 4) TILE(5, 1) TILE(5, 2) TILE(5, 4) TILE(6, 1) TILE(6, 2) TILE(6, 4)
TILE(7, 1) TILE(7, 2) TILE(8, 1) TILE(8, 2) TILE(9, 1) TILE(9, 2) TILE(10, 1) TILE(10, 2) TILE(11, 1) TILE(11, 2) TILE(12, 1) TILE(12, 2)
#undef TILE

typedef void (*AG_T(tile_fn))(const AG_T(operands) *o);
#define ROWS_TO_2(rows) {AG_T(tile_##rows##_1), AG_T(tile_##rows##_2), NULL, NULL}
#define ROWS_TO_4(rows) {AG_T(tile_##rows##_1), AG_T(tile_##rows##_2), AG_T(tile_##rows##_4), NULL}
#define ROWS_TO_8(rows) {AG_T(tile_##rows##_1), AG_T(tile_##rows##_2), AG_T(tile_##rows##_4), AG_T(tile_##rows##_8)}
static const AG_T(tile_fn) AG_T(tiles)[MAX_ROWS + 1][4] = { /* [rows][log2 vectors] */
  {NULL}, ROWS_TO_8(1), ROWS_TO_8(2), ROWS_TO_4(3), ROWS_TO_4(4), ROWS_TO_4(5), ROWS_TO_4(6),
  ROWS_TO_2(7), ROWS_TO_2(8), ROWS_TO_2(9), ROWS_TO_2(10), ROWS_TO_2(11), ROWS_TO_2(12)};
/* clang-format on */
#undef ROWS_TO_2
#undef ROWS_TO_4
#undef ROWS_TO_8

/* All m rows of one panel of columns; rows are dealt out evenly over the tiles. */
static void AG_T(panel)(AG_T(operands) o, int32_t m, int log2_vectors) {
  int32_t n_tiles = (m + TILE_ROWS - 1) / TILE_ROWS;
  for (int32_t left = n_tiles; left > 0; --left) {
    int32_t rows = m / left;
    AG_T(tiles)[rows][log2_vectors](&o);
    o.a += rows * o.a_row;
    o.c += rows * o.c_stride;
    m -= rows;
  }
}

/* The last columns, fewer than one vector: computed in a buffer, as the end of the last full vector where
 * there is one (its other columns are dropped), else beside zeros. */
static void AG_T(last_columns)(AG_T(operands) o, int32_t m, int32_t columns, bool full_vector_before) {
  ag_real b[DEPTH * LANES], c[TILE_ROWS * LANES] = {0};
  int32_t skipped = full_vector_before ? LANES - columns : 0;
  size_t bytes = (size_t)columns * sizeof(ag_real);
  AG_T(operands) part = o;
  part.c = c;
  part.c_stride = LANES;
  part.b = o.b - skipped;
  if (!full_vector_before) {
    memset(b, 0, (size_t)o.depth * LANES * sizeof(ag_real));
    for (int64_t k = 0; k < o.depth; ++k) memcpy(b + k * LANES, o.b + k * o.b_stride, bytes);
    part.b = b;
    part.b_stride = LANES;
  }
  for (int32_t first = 0; first < m; first += TILE_ROWS) {
    int32_t rows = m - first < TILE_ROWS ? m - first : TILE_ROWS;
    for (int64_t i = 0; i < rows; ++i) memcpy(c + i * LANES + skipped, o.c + (first + i) * o.c_stride, bytes);
    part.a = o.a + first * o.a_row;
    AG_T(panel)(part, rows, 0);
    for (int64_t i = 0; i < rows; ++i) memcpy(o.c + (first + i) * o.c_stride, c + i * LANES + skipped, bytes);
  }
}

/* c [m, n] (+)= a b, in slices of DEPTH steps and panels of columns, so that a panel of b stays in the first
 * cache for all rows. */
static void AG_T(product)(int32_t m, int32_t n, int32_t k, const ag_real *a, int64_t a_row, int64_t a_step,
                          const ag_real *b, int64_t b_stride, bool accumulate, ag_real *c, int64_t c_stride) {
  if (m == 0 || n == 0) return;
  int32_t n_tiles = (m + TILE_ROWS - 1) / TILE_ROWS, tallest = (m + n_tiles - 1) / n_tiles;
  int widest = tallest <= ROWS_OF_8 ? 3 : tallest <= ROWS_OF_4 ? 2 : 1; /* log2 */
  for (int32_t k0 = 0; k0 < k; k0 += DEPTH) {
    AG_T(operands)
    o = {.a = a + k0 * a_step, .a_row = a_row, .a_step = a_step, .b_stride = b_stride, .c_stride = c_stride};
    o.depth = k - k0 < DEPTH ? k - k0 : DEPTH;
    o.accumulate = accumulate || k0 > 0;
    int32_t j = 0;
    for (int width = widest; width >= 0; --width) {
      for (; j + (LANES << width) <= n; j += LANES << width) {
        o.b = b + k0 * b_stride + j;
        o.c = c + j;
        AG_T(panel)(o, m, width);
      }
    }
    o.b = b + k0 * b_stride + j;
    o.c = c + j;
    if (j < n) AG_T(last_columns)(o, m, n - j, j > 0);
  }
}

void AG_T(gemm)(int32_t m, int32_t n, int32_t k, const ag_real *a, int32_t a_stride, const ag_real *b,
                int32_t b_stride, bool accumulate, ag_real *c, int32_t c_stride) {
  AG_T(product)(m, n, k, a, a_stride, 1, b, b_stride, accumulate, c, c_stride);
}

void AG_T(add_product_rows)(const ag_backend *backend, void *product, const void *x, const void *dy,
                            int32_t n, int32_t in, int32_t out, int32_t first, int32_t end) {
  (void)backend;
  AG_T(product)
  (end - first, out, n, (const ag_real *)x + first, 1, in, dy, out, true,
   (ag_real *)product + (int64_t)first * out, out);
}

void AG_T(add_product)(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                       int32_t in, int32_t out) {
  AG_T(add_product_rows)(backend, product, x, dy, n, in, out, 0, in);
}

#undef LANES
