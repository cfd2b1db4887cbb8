/* Matrix products of float values rounded to bfloat16 (nearest even) and summed in float, with AVX512-BF16:
 * one instruction multiplies 32 pairs. Two values that follow each other in the sum share 32 bits: weights
 * are packed so once per update (ag_param.packed), other factors block by block on the stack. Compiled for
 * that instruction set alone; callers ask ag_cpu_bf16_backend first. As in gemm.c, every element is a sum of
 * chains of DEPTH steps in one order, in every tile shape: the bits of a row depend on that row only. */
#include "autograd/cpu/weight_products.h"

#include <immintrin.h>

enum {
  LANES = 16,
  DEPTH = 128,
  PAIRS = DEPTH / 2, /* steps of a slice, and their pairs */
  MAX_ROWS = 12,
  ROWS_OF_4 = 6,  /* rows of a tile that is two vectors wide, and of one that is four */
  BLOCK = 96,     /* rows of a, packed at a time */
  DY_COLUMNS = 64 /* columns of dy, packed at a time */
};

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

/* c [rows, vectors * LANES] (+)= a b; pairs of a at a[i * a_row + k * a_step]. mask: columns of c that exist,
 * for tiles one vector wide. */
typedef struct operands {
  const uint32_t *a, *b;
  float *c;
  int64_t a_row, a_step, b_stride, c_stride;
  int32_t n_pairs;
  bool accumulate;
  __mmask16 mask;
} operands;

static inline __attribute__((always_inline)) void tile(const int rows, const int vectors, const operands *o) {
  __m512 sum[MAX_ROWS][4];
  __m512i column[4];
  __mmask16 mask = vectors == 1 ? o->mask : 0xffff;
  const uint32_t *a = o->a, *b = o->b;
  UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] =
      _mm512_setzero_ps();
  for (int32_t k = 0; k < o->n_pairs; ++k, a += o->a_step, b += o->b_stride) {
    UNROLL for (int v = 0; v < vectors; ++v) {
      _mm_prefetch((const char *)(b + 4 * o->b_stride + v * LANES), _MM_HINT_T0);
      column[v] = _mm512_maskz_loadu_epi32(mask, b + v * LANES);
      __asm__("" : "+v"(column[v])); /* or few-row tiles read it again for every row */
    }
    UNROLL for (int i = 0; i < rows; ++i) {
      __m512bh both = (__m512bh)_mm512_set1_epi32((int32_t)a[i * o->a_row]);
      UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] =
          _mm512_dpbf16_ps(sum[i][v], both, (__m512bh)column[v]);
    }
  }
  UNROLL for (int i = 0; i < rows; ++i) UNROLL for (int v = 0; v < vectors; ++v) {
    float *c = o->c + i * o->c_stride + v * LANES;
    if (o->accumulate) sum[i][v] = _mm512_add_ps(sum[i][v], _mm512_maskz_loadu_ps(mask, c));
    _mm512_mask_storeu_ps(c, mask, sum[i][v]);
  }
}

/* clang-format off */
#define TILE(rows, vectors) static void tile_##rows##_##vectors(const operands *o) { tile(rows, vectors, o); }
TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(2, 4) TILE(3, 1) TILE(3, 2) TILE(3, 4) TILE(4, 1) TILE(4, 2) TILE(4, 4)
TILE(5, 1) TILE(5, 2) TILE(5, 4) TILE(6, 1) TILE(6, 2) TILE(6, 4) TILE(7, 1) TILE(7, 2) TILE(8, 1) TILE(8, 2)
TILE(9, 1) TILE(9, 2) TILE(10, 1) TILE(10, 2) TILE(11, 1) TILE(11, 2) TILE(12, 1) TILE(12, 2)
#undef TILE

#define ROWS_TO_2(rows) {tile_##rows##_1, tile_##rows##_2, NULL}
#define ROWS_TO_4(rows) {tile_##rows##_1, tile_##rows##_2, tile_##rows##_4}
static void (*const tiles[MAX_ROWS + 1][3])(const operands *o) = { /* [rows][log2 vectors] */
  {NULL}, ROWS_TO_4(1), ROWS_TO_4(2), ROWS_TO_4(3), ROWS_TO_4(4), ROWS_TO_4(5), ROWS_TO_4(6),
  ROWS_TO_2(7), ROWS_TO_2(8), ROWS_TO_2(9), ROWS_TO_2(10), ROWS_TO_2(11), ROWS_TO_2(12)};
/* clang-format on */
#undef ROWS_TO_2
#undef ROWS_TO_4

static int32_t smaller(int32_t a, int32_t b) {
  return a < b ? a : b;
}

/* All m rows of one panel of columns; rows are dealt out evenly over the tiles. */
static void panel(operands o, int32_t m, int log2_vectors) {
  for (int32_t left = (m + MAX_ROWS - 1) / MAX_ROWS; left > 0; --left) {
    int32_t rows = m / left;
    tiles[rows][log2_vectors](&o);
    o.a += rows * o.a_row;
    o.c += rows * o.c_stride;
    m -= rows;
  }
}

/* c [m, n] of one slice, all operands packed. */
static void slice(operands o, int32_t m, int32_t n) {
  int32_t n_tiles = (m + MAX_ROWS - 1) / MAX_ROWS, tallest = (m + n_tiles - 1) / n_tiles;
  for (int width = tallest <= ROWS_OF_4 ? 2 : 1; width >= 0; --width)
    for (int32_t columns = LANES << width; n > 0 && (n >= columns || width == 0);) {
      o.mask = n >= LANES ? 0xffff : (__mmask16)((1u << n) - 1);
      panel(o, m, width);
      o.b += columns;
      o.c += columns;
      n -= columns;
    }
}

/* ---- packing ---- */

static __mmask16 first_lanes(int32_t n) {
  return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1);
}

/* Pairs along a row: n values of x. */
static void pack_row(uint32_t *pairs, const float *x, int32_t n) {
  for (int32_t k = 0; k < n; k += 2 * LANES) {
    __m512 low = _mm512_maskz_loadu_ps(first_lanes(n - k), x + k);
    __m512 high = _mm512_maskz_loadu_ps(first_lanes(n - k - LANES), x + k + LANES);
    _mm512_mask_storeu_epi32(pairs + k / 2, first_lanes((n - k + 1) / 2),
                             (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}

/* Pairs of rows 2k and 2k+1 of x [n, cols]: pairs [ceil(n/2), cols], rows `stride` apart. */
static void pack_row_pairs(uint32_t *pairs, int32_t stride, const float *x, int32_t x_stride, int32_t n,
                           int32_t cols) {
  for (int64_t k = 0; k < n; k += 2)
    for (int32_t j = 0; j < cols; j += LANES) {
      __mmask16 mask = first_lanes(cols - j), second = k + 1 < n ? mask : 0;
      const float *row = x + k * x_stride + j;
      __m512i even = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, row)));
      __m512i odd =
          _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(second, row + x_stride)));
      _mm512_mask_storeu_epi32(pairs + k / 2 * stride + j, mask,
                               _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
    }
}

void ag_pack_bf16(const ag_backend *backend, void *packed, const void *matrix, int32_t rows, int32_t cols) {
  (void)backend;
  pack_row_pairs(packed, cols, matrix, cols, rows, cols);
}

/* ---- products ---- */

/* c [m, n] (+)= a [m, k] b, b packed [ceil(k/2), b_stride]. */
static void product(int32_t m, int32_t n, int32_t k, const float *a, const uint32_t *b, int32_t b_stride,
                    bool accumulate, float *c, int32_t c_stride) {
  uint32_t block[BLOCK * PAIRS];
  for (int32_t left = (m + BLOCK - 1) / BLOCK; left > 0; --left) {
    int32_t rows = m / left;
    for (int32_t k0 = 0; k0 < k; k0 += DEPTH) {
      int32_t depth = smaller(k - k0, DEPTH);
      for (int64_t i = 0; i < rows; ++i) pack_row(block + i * PAIRS, a + i * k + k0, depth);
      slice((operands){.a = block,
                       .a_row = PAIRS,
                       .a_step = 1,
                       .b = b + (int64_t)(k0 / 2) * b_stride,
                       .b_stride = b_stride,
                       .c = c,
                       .c_stride = c_stride,
                       .n_pairs = (depth + 1) / 2,
                       .accumulate = accumulate || k0 > 0},
            rows, n);
    }
    a += (int64_t)rows * k;
    c += (int64_t)rows * c_stride;
    m -= rows;
  }
}

void ag_times_weight_bf16(int32_t n, const float *x, const ag_param *weight, int32_t first, int32_t cols,
                          bool accumulate, float *y, int32_t y_stride) {
  if (weight->packed)
    product(n, cols, weight->rows, x, (const uint32_t *)weight->packed + first, weight->cols, accumulate, y,
            y_stride);
  else
    ag_times_weight_f32(n, x, weight, first, cols, accumulate, y, y_stride);
}

void ag_times_transposed_bf16(int32_t n, const float *dy, const ag_param *weight, float *dx) {
  if (weight->packed_transposed)
    product(n, weight->rows, weight->cols, dy, weight->packed_transposed, weight->rows, true, dx,
            weight->rows);
  else
    ag_times_transposed_f32(n, dy, weight, dx);
}

void ag_add_product_rows_bf16(const ag_backend *backend, void *gradient, const void *x, const void *dy,
                              int32_t n, int32_t in, int32_t out, int32_t first, int32_t end) {
  (void)backend;
  uint32_t a[PAIRS * BLOCK], b[PAIRS * DY_COLUMNS];
  for (int32_t k0 = 0; k0 < n; k0 += DEPTH) {
    int32_t depth = smaller(n - k0, DEPTH);
    const float *x_rows = (const float *)x + (int64_t)k0 * in,
                *dy_rows = (const float *)dy + (int64_t)k0 * out;
    for (int32_t i = first; i < end; i += BLOCK) {
      int32_t rows = smaller(end - i, BLOCK);
      pack_row_pairs(a, BLOCK, x_rows + i, in, depth, rows);
      for (int32_t j = 0; j < out; j += DY_COLUMNS) {
        int32_t cols = smaller(out - j, DY_COLUMNS);
        pack_row_pairs(b, DY_COLUMNS, dy_rows + j, out, depth, cols);
        slice((operands){.a = a,
                         .a_row = 1,
                         .a_step = BLOCK,
                         .b = b,
                         .b_stride = DY_COLUMNS,
                         .c = (float *)gradient + (int64_t)i * out + j,
                         .c_stride = out,
                         .n_pairs = (depth + 1) / 2,
                         .accumulate = true},
              rows, cols);
      }
    }
  }
}

void ag_add_product_bf16(const ag_backend *backend, void *gradient, const void *x, const void *dy, int32_t n,
                         int32_t in, int32_t out) {
  ag_add_product_rows_bf16(backend, gradient, x, dy, n, in, out, 0, in);
}
