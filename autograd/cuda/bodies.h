/* Bodies of the CUDA backend's own kernels, written in what C and CUDA C++ share: nvcc makes kernels of them,
 * the tests call them in loops over blocks and threads (tests/autograd/cuda_on_host.c). All matrices are
 * row-major float32. No atomics: every element is written by one thread, sums have a fixed order. */
#ifndef AG_CUDA_BODIES_H
#define AG_CUDA_BODIES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __CUDACC__
#define AG_BODY static __device__ inline void
#define AG_HELP static __device__ inline
#else
#define AG_BODY static inline void
#define AG_HELP static inline
#endif

/* Every argument struct of an AG_EACH kernel starts with the number of its elements. */

typedef struct ag_fill_rows_args {
  int64_t n;
  float *y;
  const float *row;
  int32_t width;
} ag_fill_rows_args;
AG_BODY ag_fill_rows_body(const ag_fill_rows_args *a, int64_t i) {
  a->y[i] = a->row[i % a->width];
}

typedef struct ag_relu_in_place_args {
  int64_t n;
  float *y;
} ag_relu_in_place_args;
AG_BODY ag_relu_in_place_body(const ag_relu_in_place_args *a, int64_t i) {
  a->y[i] = a->y[i] < 0 ? 0 : a->y[i]; /* keeps NaN */
}

/* masked = y > 0 ? dy : 0 */
typedef struct ag_relu_mask_args {
  int64_t n;
  const float *y, *dy;
  float *masked;
} ag_relu_mask_args;
AG_BODY ag_relu_mask_body(const ag_relu_mask_args *a, int64_t i) {
  a->masked[i] = a->y[i] > 0 ? a->dy[i] : 0;
}

/* ---- GRU (ops/gru_cell.c has the formulas) ---- */

AG_HELP float ag_cuda_sigmoid(float x) {
  return 1.0f / (1.0f + expf(-x));
}

/* Sums [rows, 4 width] before the products: biases, and x times weight_x when x has one column. */
typedef struct ag_gru_start_args {
  int64_t n;
  float *sums;
  const float *bias_x, *bias_h, *x, *weight_x; /* x NULL unless it has one column */
  int32_t width;
} ag_gru_start_args;
AG_BODY ag_gru_start_body(const ag_gru_start_args *a, int64_t i) {
  int64_t row = i / (4 * a->width);
  int32_t j = (int32_t)(i % (4 * a->width)), w = a->width;
  float sum = j < 2 * w ? a->bias_x[j] + a->bias_h[j] : j < 3 * w ? a->bias_x[j] : a->bias_h[j - w];
  if (a->x && j < 3 * w) sum += a->x[row] * a->weight_x[j];
  a->sums[i] = sum;
}

/* Sums become gates r, z, n, m; out is the new state. */
typedef struct ag_gru_gates_args {
  int64_t n; /* rows * width */
  float *sums;
  const float *h;
  float *out;
  int32_t width;
} ag_gru_gates_args;
AG_BODY ag_gru_gates_body(const ag_gru_gates_args *a, int64_t i) {
  int32_t w = a->width;
  float *row = a->sums + i / w * 4 * w + i % w;
  float r = ag_cuda_sigmoid(row[0]), z = ag_cuda_sigmoid(row[w]), n = tanhf(row[2 * w] + r * row[3 * w]);
  row[0] = r;
  row[w] = z;
  row[2 * w] = n;
  a->out[i] = (a->h[i] - n) * z + n;
}

typedef struct ag_gru_gates_back_args {
  int64_t n; /* rows * width */
  const float *gates, *h, *d_out;
  float *dx_sums, *dh_sums, *dh; /* [rows, 3 width]; dh may be NULL */
  int32_t width;
} ag_gru_gates_back_args;
AG_BODY ag_gru_gates_back_body(const ag_gru_gates_back_args *a, int64_t i) {
  int32_t w = a->width;
  const float *gate = a->gates + i / w * 4 * w + i % w;
  int64_t place = i / w * 3 * w + i % w;
  float r = gate[0], z = gate[w], n = gate[2 * w], m = gate[3 * w], d_out = a->d_out[i];
  float d_n = d_out * (1 - z) * (1 - n * n), d_r = d_n * m * r * (1 - r);
  float d_z = d_out * (a->h[i] - n) * z * (1 - z);
  a->dx_sums[place] = a->dh_sums[place] = d_r;
  a->dx_sums[place + w] = a->dh_sums[place + w] = d_z;
  a->dx_sums[place + 2 * w] = d_n;
  a->dh_sums[place + 2 * w] = d_n * r;
  if (a->dh) a->dh[i] += d_out * z;
}

/* ---- rows of tables, graphs ---- */

/* Rows of a table and a matrix [n / width, width]; rows are distinct where a table is written. */
typedef struct ag_table_rows_args {
  int64_t n;
  float *table, *values;
  const int32_t *rows;
  int32_t width;
} ag_table_rows_args;
typedef ag_table_rows_args ag_gather_args, ag_scatter_args, ag_scatter_back_args;
AG_HELP float *ag_cuda_cell(const ag_table_rows_args *a, int64_t i) {
  return a->table + (int64_t)a->rows[i / a->width] * a->width + i % a->width;
}
AG_BODY ag_gather_body(const ag_gather_args *a, int64_t i) {
  a->values[i] = *ag_cuda_cell(a, i);
}
AG_BODY ag_scatter_body(const ag_scatter_args *a, int64_t i) {
  *ag_cuda_cell(a, i) = a->values[i];
}
/* values may be NULL: the gradient is dropped */
AG_BODY ag_scatter_back_body(const ag_scatter_back_args *a, int64_t i) {
  if (a->values) a->values[i] += *ag_cuda_cell(a, i);
  *ag_cuda_cell(a, i) = 0;
}

/* table[rows[i]] += dy[i]; rows may repeat, so a thread takes a column and adds in row order. */
typedef struct ag_gather_back_args {
  int64_t n; /* width */
  float *table;
  const float *dy;
  const int32_t *rows;
  int32_t n_rows;
} ag_gather_back_args;
AG_BODY ag_gather_back_body(const ag_gather_back_args *a, int64_t j) {
  for (int32_t i = 0; i < a->n_rows; ++i) a->table[a->rows[i] * a->n + j] += a->dy[i * a->n + j];
}

/* y[i] (+)= sum of the listed rows of x */
typedef struct ag_segment_sum_args {
  int64_t n;
  float *y;
  const float *x;
  const int32_t *offset, *index;
  int32_t width;
  bool accumulate;
} ag_segment_sum_args;
AG_BODY ag_segment_sum_body(const ag_segment_sum_args *a, int64_t i) {
  int64_t row = i / a->width, j = i % a->width;
  float sum = a->accumulate ? a->y[i] : 0;
  for (int32_t e = a->offset[row]; e < a->offset[row + 1]; ++e)
    sum += a->x[(int64_t)a->index[e] * a->width + j];
  a->y[i] = sum;
}

/* A block of columns: to (+)= from, with row strides. */
typedef struct ag_block_args {
  int64_t n; /* rows * cols */
  float *to;
  const float *from;
  int32_t cols, to_stride, from_stride;
} ag_block_args;
typedef ag_block_args ag_copy_block_args, ag_add_block_args;
AG_BODY ag_copy_block_body(const ag_copy_block_args *a, int64_t i) {
  a->to[i / a->cols * a->to_stride + i % a->cols] = a->from[i / a->cols * a->from_stride + i % a->cols];
}
AG_BODY ag_add_block_body(const ag_add_block_args *a, int64_t i) {
  a->to[i / a->cols * a->to_stride + i % a->cols] += a->from[i / a->cols * a->from_stride + i % a->cols];
}

/* ---- element by element ---- */

typedef enum ag_cuda_function { AG_CUDA_RELU, AG_CUDA_SIGMOID, AG_CUDA_TANH } ag_cuda_function;

typedef struct ag_function_args {
  int64_t n;
  const float *x;
  float *y;
  ag_cuda_function function;
} ag_function_args;
AG_BODY ag_function_body(const ag_function_args *a, int64_t i) {
  float x = a->x[i];
  a->y[i] = a->function == AG_CUDA_RELU   ? (x < 0 ? 0 : x)
            : a->function == AG_CUDA_TANH ? tanhf(x)
                                          : ag_cuda_sigmoid(x);
}

/* dx += dy * slope, which is told by the result y */
typedef struct ag_function_back_args {
  int64_t n;
  const float *y, *dy;
  float *dx;
  ag_cuda_function function;
} ag_function_back_args;
AG_BODY ag_function_back_body(const ag_function_back_args *a, int64_t i) {
  float y = a->y[i];
  float slope = a->function == AG_CUDA_RELU   ? (y > 0 ? 1 : 0)
                : a->function == AG_CUDA_TANH ? 1 - y * y
                                              : y * (1 - y);
  a->dx[i] += a->dy[i] * slope;
}

/* y = factor_a a + factor_b b; b may be NULL */
typedef struct ag_combine_args {
  int64_t n;
  float *y;
  const float *a, *b;
  float factor_a, factor_b;
} ag_combine_args;
AG_BODY ag_combine_body(const ag_combine_args *a, int64_t i) {
  float sum = a->factor_a * a->a[i];
  a->y[i] = a->b ? sum + a->factor_b * a->b[i] : sum;
}

/* y += a * b */
typedef struct ag_multiply_add_args {
  int64_t n;
  float *y;
  const float *a, *b;
} ag_multiply_add_args;
AG_BODY ag_multiply_add_body(const ag_multiply_add_args *a, int64_t i) {
  a->y[i] += a->a[i] * a->b[i];
}

/* Elements beyond +-limit become that; NaN the limit too. */
typedef struct ag_limit_args {
  int64_t n;
  float *x;
  float limit;
} ag_limit_args;
AG_BODY ag_limit_body(const ag_limit_args *a, int64_t i) {
  if (!(fabsf(a->x[i]) <= a->limit)) a->x[i] = copysignf(a->limit, a->x[i]);
}

/* One step of Adam (update.h); step_size is negative. */
typedef struct ag_adam_args {
  int64_t n;
  float *x, *m, *v;
  const float *gradient;
  float beta1, rest1, beta2, rest2, step_size, root_correction2, epsilon;
} ag_adam_args;
AG_BODY ag_adam_body(const ag_adam_args *a, int64_t i) {
  float gradient = a->gradient[i];
  float m = a->m[i] = a->m[i] * a->beta1 + a->rest1 * gradient;
  float v = a->v[i] = a->v[i] * a->beta2 + a->rest2 * gradient * gradient;
  a->x[i] += a->step_size * m / (sqrtf(v) / a->root_correction2 + a->epsilon);
}

/* x += value */
typedef struct ag_add_constant_args {
  int64_t n;
  float *x;
  float value;
} ag_add_constant_args;
AG_BODY ag_add_constant_body(const ag_add_constant_args *a, int64_t i) {
  a->x[i] += a->value;
}

/* x += *scalar */
typedef struct ag_add_scalar_of_args {
  int64_t n;
  float *x;
  const float *scalar;
} ag_add_scalar_of_args;
AG_BODY ag_add_scalar_of_body(const ag_add_scalar_of_args *a, int64_t i) {
  a->x[i] += *a->scalar;
}

/* out [cols, rows] = in [rows, cols] */
typedef struct ag_transpose_args {
  int64_t n;
  float *out;
  const float *in;
  int32_t rows, cols;
} ag_transpose_args;
AG_BODY ag_transpose_body(const ag_transpose_args *a, int64_t i) {
  a->out[i % a->cols * a->rows + i / a->cols] = a->in[i];
}

/* sum[j] += scale[i] rows[i][j], i ascending; scale NULL = 1 */
typedef struct ag_add_rows_args {
  int64_t n; /* columns */
  float *sum;
  const float *rows, *scale;
  int32_t n_rows;
} ag_add_rows_args;
AG_BODY ag_add_rows_body(const ag_add_rows_args *a, int64_t j) {
  float sum = a->sum[j];
  for (int32_t i = 0; i < a->n_rows; ++i) sum += (a->scale ? a->scale[i] : 1) * a->rows[i * a->n + j];
  a->sum[j] = sum;
}

/* dx += dy sign(x - target) weight */
typedef struct ag_l1_back_args {
  int64_t n;
  const float *x, *target, *weight, *dy;
  float *dx;
} ag_l1_back_args;
AG_BODY ag_l1_back_body(const ag_l1_back_args *a, int64_t i) {
  float difference = a->x[i] - a->target[i];
  float sign = (float)((difference > 0) - (difference < 0));
  a->dx[i] += *a->dy * sign * (a->weight ? a->weight[i] : 1);
}

/* ---- dropout: Philox4x32-10, as base/philox.c and ops/dropout.c ---- */

AG_HELP uint32_t ag_cuda_philox_word(uint64_t seed, uint32_t step, uint32_t purpose, uint64_t number) {
  uint64_t block = number / 4;
  uint32_t c[4] = {(uint32_t)block, (uint32_t)(block >> 32), step, purpose};
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t high0 = (uint32_t)(p0 >> 32), high1 = (uint32_t)(p1 >> 32);
    uint32_t next0 = high1 ^ c[1] ^ k0, next2 = high0 ^ c[3] ^ k1;
    c[1] = (uint32_t)p1;
    c[3] = (uint32_t)p0;
    c[0] = next0;
    c[2] = next2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c[number % 4];
}

typedef struct ag_dropout_args {
  int64_t n;
  const float *x;
  float *factors, *y;
  uint64_t seed, first;
  uint32_t step, purpose, threshold;
  float kept;
} ag_dropout_args;
AG_BODY ag_dropout_body(const ag_dropout_args *a, int64_t i) {
  uint32_t word = ag_cuda_philox_word(a->seed, a->step, a->purpose, a->first + (uint64_t)i);
  a->factors[i] = word >= a->threshold ? a->kept : 0;
  a->y[i] = a->x[i] * a->factors[i];
}

/* ---- one block per row ---- */

/* Threads of a block; a power of two. Threads meet after every step. A sum takes AG_TREE_STEPS steps, in
 * which thread t adds what stands half a tree further on. */
enum { AG_BLOCK_THREADS = 128, AG_TREE_STEPS = 7 };
enum { AG_SHARED_DOUBLES = 2 * AG_BLOCK_THREADS + 4 };

/* Step `step` of the tree over shared[0 .. AG_BLOCK_THREADS-1]; afterwards shared[0] is the sum. */
AG_BODY ag_tree_step(double *shared, int step, int32_t thread) {
  int32_t half = AG_BLOCK_THREADS >> (step + 1);
  if (thread < half) shared[thread] += shared[thread + half];
}

typedef struct ag_layer_norm_args {
  int32_t n_rows, width;
  const float *x, *gain, *bias;
  float *y, *saved; /* saved [n_rows, 2]: mean, 1 / deviation */
} ag_layer_norm_args;
enum { ag_layer_norm_steps = 2 * AG_TREE_STEPS + 5 };
AG_BODY ag_layer_norm_body(const ag_layer_norm_args *a, int32_t row, int32_t thread, int step,
                           double *shared) {
  const float *x = a->x + (int64_t)row * a->width;
  double *mean = &shared[2 * AG_BLOCK_THREADS], *inverse = mean + 1;
  if (step == 0) {
    shared[thread] = 0;
    for (int32_t j = thread; j < a->width; j += AG_BLOCK_THREADS) shared[thread] += x[j];
  } else if (step <= AG_TREE_STEPS) {
    ag_tree_step(shared, step - 1, thread);
  } else if (step == AG_TREE_STEPS + 1) {
    if (thread == 0) *mean = shared[0] / a->width;
  } else if (step == AG_TREE_STEPS + 2) {
    shared[thread] = 0;
    for (int32_t j = thread; j < a->width; j += AG_BLOCK_THREADS)
      shared[thread] += (x[j] - *mean) * (x[j] - *mean);
  } else if (step <= 2 * AG_TREE_STEPS + 2) {
    ag_tree_step(shared, step - AG_TREE_STEPS - 3, thread);
  } else if (step == 2 * AG_TREE_STEPS + 3) {
    if (thread == 0) {
      *inverse = 1.0 / sqrt(shared[0] / a->width + 1e-5);
      a->saved[2 * row] = (float)*mean;
      a->saved[2 * row + 1] = (float)*inverse;
    }
  } else {
    for (int32_t j = thread; j < a->width; j += AG_BLOCK_THREADS)
      a->y[(int64_t)row * a->width + j] = (float)((x[j] - *mean) * *inverse) * a->gain[j] + a->bias[j];
  }
}

/* With u the normalised row and g = dy gain: dx += (g - mean(g) - u mean(g u)) / deviation; products = dy u.
 */
typedef struct ag_layer_norm_back_args {
  int32_t n_rows, width;
  const float *x, *gain, *dy, *saved;
  float *products, *dx; /* dx may be NULL */
} ag_layer_norm_back_args;
enum { ag_layer_norm_back_steps = AG_TREE_STEPS + 2 };
AG_BODY ag_layer_norm_back_body(const ag_layer_norm_back_args *a, int32_t row, int32_t thread, int step,
                                double *shared) {
  int64_t first = (int64_t)row * a->width;
  const float *x = a->x + first, *dy = a->dy + first;
  double mean = a->saved[2 * row], inverse = a->saved[2 * row + 1];
  double *other = shared + AG_BLOCK_THREADS;
  if (step == 0) {
    shared[thread] = other[thread] = 0;
    for (int32_t j = thread; j < a->width; j += AG_BLOCK_THREADS) {
      double u = (x[j] - mean) * inverse, g = (double)dy[j] * a->gain[j];
      a->products[first + j] = (float)(dy[j] * u);
      shared[thread] += g;
      other[thread] += g * u;
    }
  } else if (step <= AG_TREE_STEPS) {
    ag_tree_step(shared, step - 1, thread);
    ag_tree_step(other, step - 1, thread);
  } else if (a->dx) {
    double mean_g = shared[0] / a->width, mean_gu = other[0] / a->width;
    for (int32_t j = thread; j < a->width; j += AG_BLOCK_THREADS) {
      double u = (x[j] - mean) * inverse, g = (double)dy[j] * a->gain[j];
      a->dx[first + j] += (float)((g - mean_g - u * mean_gu) * inverse);
    }
  }
}

/* result[row] = sum over slice number `row` of x[i], of |x[i] - target[i]| weight[i], of x[i]^2, or the
 * number of values there that are not finite, or beyond +-limit. */
typedef enum ag_cuda_reduction {
  AG_CUDA_SUM,
  AG_CUDA_L1,
  AG_CUDA_SQUARES,
  AG_CUDA_NOT_FINITE,
  AG_CUDA_BEYOND
} ag_cuda_reduction;
typedef struct ag_reduce_args {
  int32_t n_rows; /* slices: of `slice` elements each, the last one up to n */
  ag_cuda_reduction kind;
  int64_t n, slice;
  const float *x, *target, *weight;
  float *result;
  float limit;
} ag_reduce_args;
enum { ag_reduce_steps = AG_TREE_STEPS + 2 };
AG_HELP double ag_cuda_reduced(const ag_reduce_args *a, int64_t i) {
  if (a->kind == AG_CUDA_SUM) return a->x[i];
  if (a->kind == AG_CUDA_SQUARES) return (double)a->x[i] * a->x[i];
  if (a->kind == AG_CUDA_NOT_FINITE) return a->x[i] - a->x[i] == 0 ? 0 : 1;
  if (a->kind == AG_CUDA_BEYOND) return fabsf(a->x[i]) <= a->limit ? 0 : 1;
  double weight = a->weight ? a->weight[i] : 1;
  return weight == 0 ? 0 : fabs((double)a->x[i] - a->target[i]) * weight;
}
AG_BODY ag_reduce_body(const ag_reduce_args *a, int32_t row, int32_t thread, int step, double *shared) {
  if (step == 0) {
    int64_t first = row * a->slice, end = a->n - first < a->slice ? a->n : first + a->slice;
    shared[thread] = 0;
    for (int64_t i = first + thread; i < end; i += AG_BLOCK_THREADS) shared[thread] += ag_cuda_reduced(a, i);
  } else if (step <= AG_TREE_STEPS) {
    ag_tree_step(shared, step - 1, thread);
  } else if (thread == 0) {
    a->result[row] = (float)shared[0];
  }
}

/* ---- which element a thread works on ---- */

enum { AG_EACH_THREADS = 256 };
AG_HELP int64_t ag_cuda_element(int64_t block, int32_t thread) {
  return block * AG_EACH_THREADS + thread;
}
#define AG_EACH_BLOCKS(n) (((n) + AG_EACH_THREADS - 1) / AG_EACH_THREADS)

#endif
