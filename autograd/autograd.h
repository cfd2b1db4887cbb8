/* Reverse-mode automatic differentiation over row matrices: tensors, parameters, state tables, a tape, ops.
 * Knows base only; no idea of flows or links. Backends implement ops through one table (backend.h).
 *
 * How it works. Every op computes at once (eagerly) into memory of the tape's arena. While the tape records,
 * the op also leaves a node; ag_backward walks the nodes in reverse. Ops are sticky on failure: after the
 * first failure (shape mismatch, arena full, non-finite value when checking) every op returns NULL and
 * accepts NULL, and ag_tape_status tells what went wrong: model code checks once.
 *
 * Matrices are row-major [rows, cols], float32 or (for gradient checks) float64; the element type is the
 * tape's. Weights are stored [in, out]; a transposed copy for the backward products is refreshed after each
 * update.
 *
 * Reproducibility. A row of any op's result depends on that row's inputs only, bit for bit, not on its
 * position or on the number of rows; products keep this in native builds (cpu/gemm.c), not on OpenBLAS.
 * Gradients do not depend on segmentation (ag_grads). Arrays handed to ops (constants, tables, row numbers,
 * CSR lists, labels) lie in the backend's memory: on the CPU any memory. */
#ifndef AG_AUTOGRAD_H
#define AG_AUTOGRAD_H

#include "base/arena.h"
#include "base/status.h"
#include "base/team.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum ag_dtype { AG_F32, AG_F64 } ag_dtype;
typedef struct ag_backend ag_backend; /* one table of kernels: autograd/backend.h */
typedef struct ag_tape ag_tape;

/* CPU backend; the table is constant. Never NULL. */
const ag_backend *ag_cpu_backend(ag_dtype dtype);

/* The same on float32 with matrix products in bfloat16: factors are rounded to 8 significant bits (relative
 * error up to 2^-8 each) and summed in float32; parameters, gradients and everything else stay float32. Twice
 * the product rate. NULL when the CPU (AVX512-BF16) or the compiler cannot. */
const ag_backend *ag_cpu_bf16_backend(void);
/* Is the device still at work? M4_IO with the first failure, and what was running then, when it is not. A
 * download that met a failure has given NaN: ask after each one (ag_tape_status asks, too). */
m4_status ag_backend_status(const ag_backend *backend, m4_error *err);

/* A matrix on the tape. Owned by the arena; valid until the tape is reset or released below its mark. */
typedef struct ag_tensor {
  int32_t rows, cols;
  void *data; /* [rows, cols] */
  void *grad; /* same shape, made by ag_backward when something flows into it; NULL before. What ops have made
                 loses it again in ag_backward as soon as it has been passed on: the memory serves others */
  bool needs_grad;
  struct ag_tensor *owner; /* for a view: the tensor whose rows, and gradient rows, it shares; else NULL */
  int32_t first_row;       /* for a view: its first row in owner */
  size_t grad_bytes;       /* memory behind grad */
} ag_tensor;

/* A trainable matrix ([in, out]) or row vector ([1, n]). Created by the owner of the model; the tape never
 * frees it. */
typedef struct ag_param {
  char name[96];
  int32_t rows, cols;
  ag_dtype dtype;
  void *data;                       /* [rows, cols] */
  void *transposed;                 /* [cols, rows], see ag_param_refresh; NULL for vectors */
  void *packed, *packed_transposed; /* both again, as the backend's products want them (ag_backend.pack) */
} ag_param;

m4_status ag_param_init(ag_param *param, const ag_backend *backend, const char *name, int32_t rows,
                        int32_t cols, m4_error *err);
void ag_param_free(ag_param *param, const ag_backend *backend);
/* Call after changing data (loading, optimiser step): refreshes the copies. */
void ag_param_refresh(ag_param *param, const ag_backend *backend);
/* Values first .. first + n - 1 as float32 in host memory: into the parameter, which is not refreshed yet,
 * and out of it. From a device that has failed come NaN. */
void ag_param_put(ag_param *param, const ag_backend *backend, int64_t first, int64_t n, const float *values);
void ag_param_get(const ag_param *param, const ag_backend *backend, int64_t first, int64_t n, float *values);

/* Gradients of a list of parameters: one flat buffer. A sample owns one; batches add them in a fixed order.
 * Weight gradients are formed from blocks of a fixed number of rows in backward order (AG_WGRAD_BLOCK_ROWS),
 * so the bits do not depend on segmentation or recomputation: rows are staged per parameter and flushed when
 * a block is full and by ag_grads_finish. */
typedef struct ag_grads ag_grads;
enum { AG_WGRAD_BLOCK_ROWS = 512 };
m4_status ag_grads_create(ag_grads **grads, const ag_backend *backend, ag_param *const *params,
                          int32_t n_params, m4_error *err);
void ag_grads_free(ag_grads *grads);
void ag_grads_zero(ag_grads *grads);
/* Flushes all staged rows, in parameter order. Call once after the last ag_backward of a sample. */
void ag_grads_finish(ag_grads *grads);
/* The products of full blocks are shared with the helpers of a team (NULL = none); set and taken back by the
 * thread that leads it. The bits stay the same. */
void ag_grads_share(ag_grads *grads, m4_team *team);
/* Gradient of parameter i: same shape as the parameter, host-readable on the CPU backend. */
void *ag_grads_data(const ag_grads *grads, int32_t i);
/* All gradients as one array (parameters one after another), and its length in elements. */
void *ag_grads_all(const ag_grads *grads, int64_t *n_elements);
/* Memory it holds: gradients and, per weight, AG_WGRAD_BLOCK_ROWS * (in + out) staged elements. */
int64_t ag_grads_bytes(const ag_grads *grads);

/* A state table [rows, cols] updated in place, with a running gradient table of the same shape for backward
 * (design.md). */
typedef struct ag_table {
  int32_t rows, cols;
  void *data;
  void *grad;    /* NULL until ag_table_grad; zeroed there */
  bool constant; /* no gradient wanted (facts, not state); a backward pass through any other table needs its
                    grad */
} ag_table;

/* A tape allocates everything it makes from `arena` (owned by the caller, must outlive it) and nothing from
 * the heap. With a device backend only the small structs are there; elements get a device arena of the same
 * size, made here. */
m4_status ag_tape_create(ag_tape **tape, const ag_backend *backend, m4_arena *arena, m4_error *err);
void ag_tape_free(ag_tape *tape);
const ag_backend *ag_tape_backend(const ag_tape *tape);
m4_arena *ag_tape_arena(ag_tape *tape);

/* Larger ops are shared with the helpers of a team (NULL = none, the default); the bits stay the same. Set by
 * the thread that leads it. Backends that cannot share do everything alone. */
void ag_tape_share(ag_tape *tape, m4_team *team);

/* Recording on/off (off = inference: no nodes, nothing saved for backward). Default off. */
void ag_tape_record(ag_tape *tape, bool on);
bool ag_tape_recording(const ag_tape *tape);
/* Drops all nodes (memory goes back with the arena's mark, which the caller releases). Keeps the sticky
 * status. */
void ag_tape_clear(ag_tape *tape);
/* Fill level of memory and nodes; release makes the tape as it was at the mark (the status stays). Around
 * each segment, or event. */
typedef struct ag_mark {
  size_t arena, elements;
  void *last;
} ag_mark;
ag_mark ag_tape_mark(const ag_tape *tape);
void ag_tape_release(ag_tape *tape, ag_mark mark);
/* Most bytes of elements, in the backend's memory, at one time so far. */
size_t ag_tape_peak_bytes(const ag_tape *tape);
/* First failure since creation or ag_tape_reset_status; fills err. */
m4_status ag_tape_status(const ag_tape *tape, m4_error *err);
void ag_tape_reset_status(ag_tape *tape);
/* When on, every op's output is checked and the first non-finite value becomes M4_NUMERIC naming the op.
 * Default off. */
void ag_tape_check_finite(ag_tape *tape, bool on);

/* Random numbers for dropout: masks are f(seed, step, running element number). Recomputation sets the same
 * numbers again. */
typedef struct ag_rng_state {
  uint64_t seed;
  uint32_t step;
  uint64_t next_index;
} ag_rng_state;
void ag_tape_set_rng(ag_tape *tape, ag_rng_state state);
ag_rng_state ag_tape_rng(const ag_tape *tape);

/* Backward from everything recorded: seeds are given by ag_seed before. Weight gradients are added to grads
 * (may be NULL: only tensor and table gradients). Nodes run in exact reverse order. */
void ag_seed(ag_tape *tape, ag_tensor *tensor,
             double gradient); /* adds `gradient` to every element's gradient */
/* The same with a gradient for every element: [rows, cols] of the tape's type, in the backend's memory. */
void ag_seed_values(ag_tape *tape, ag_tensor *tensor, const void *gradients);
m4_status ag_backward(ag_tape *tape, ag_grads *grads, m4_error *err);

/* ---- inputs ---- */
/* Wraps caller memory (not copied; must live as long as the tape's nodes). */
ag_tensor *ag_constant(ag_tape *tape, int32_t rows, int32_t cols, const void *data);
/* Copies float32 values into a tensor of the tape's type. */
ag_tensor *ag_input(ag_tape *tape, int32_t rows, int32_t cols, const float *values);

/* ---- ops (one row each in ops.def; one file per family in ops/) ---- */
/* x [n, in] @ weight [in, out] + bias [1, out] (bias may be NULL). */
ag_tensor *ag_linear(ag_tape *tape, ag_tensor *x, ag_param *weight, ag_param *bias);
/* ReLU(x @ weight + bias), one pass. */
ag_tensor *ag_linear_relu(ag_tape *tape, ag_tensor *x, ag_param *weight, ag_param *bias);
/* a @ weight_a + bias + b @ weight_b: the root and neighbour terms of a SAGE layer. */
ag_tensor *ag_linear2(ag_tape *tape, ag_tensor *a, ag_param *weight_a, ag_param *bias, ag_tensor *b,
                      ag_param *weight_b);
ag_tensor *ag_relu(ag_tape *tape, ag_tensor *x);
ag_tensor *ag_sigmoid(ag_tape *tape, ag_tensor *x);
ag_tensor *ag_tanh(ag_tape *tape, ag_tensor *x);
/* Inverted dropout: kept values are divided by 1-p. p = 0 returns x. */
ag_tensor *ag_dropout(ag_tape *tape, ag_tensor *x, double p);
/* Per row: (x - mean) / sqrt(var + 1e-5) * gain + bias, biased variance. */
ag_tensor *ag_layer_norm(ag_tape *tape, ag_tensor *x, ag_param *gain, ag_param *bias);
/* PyTorch GRUCell (model.md 3): x [n, in], h [n, H], weight_x [in, 3H], weight_h [H, 3H], biases [1, 3H],
 * gate order r, z, n. in = 1 needs no matrix product for x (rank-1 update). */
ag_tensor *ag_gru_cell(ag_tape *tape, ag_tensor *x, ag_tensor *h, ag_param *weight_x, ag_param *weight_h,
                       ag_param *bias_x, ag_param *bias_h);
/* Rows of a table. Index arrays are int32, live at least as long as the tape's nodes, and may be NULL when
 * n_rows is 0. */
ag_tensor *ag_gather(ag_tape *tape, ag_table *table, const int32_t *rows, int32_t n_rows);
/* table[rows[i]] = values[i]; rows are distinct. Backward: takes the rows' gradients and zeroes them in the
 * running gradient table. */
void ag_scatter(ag_tape *tape, ag_table *table, const int32_t *rows, ag_tensor *values);
/* out[i] = sum of x[index[e]] for e in offset[i] .. offset[i+1]-1, in that order (CSR; n_out rows). The
 * transpose for backward is given as a second CSR over x's rows (same edges), so that backward is a segment
 * sum too. */
ag_tensor *ag_segment_sum(ag_tape *tape, ag_tensor *x, int32_t n_out, const int32_t *offset,
                          const int32_t *index, const int32_t *back_offset, const int32_t *back_index);
ag_tensor *ag_concat_rows(ag_tape *tape, ag_tensor *a, ag_tensor *b);
ag_tensor *ag_concat_cols(ag_tape *tape, ag_tensor *a, ag_tensor *b);
ag_tensor *ag_slice_rows(ag_tape *tape, ag_tensor *x, int32_t first,
                         int32_t n_rows); /* a view: shares data and gradient */
ag_tensor *ag_add(ag_tape *tape, ag_tensor *a, ag_tensor *b);
ag_tensor *ag_scale(ag_tape *tape, ag_tensor *x, double factor);
/* out[i] = |x[i] - target[i]| * weight[i], summed to [1,1] in row order in double; x [n,1]; target and weight
 * are float32 [n] arrays (weight 0 = row not supervised; NULL = 1). */
ag_tensor *ag_l1(ag_tape *tape, ag_tensor *x, const float *target, const float *weight);
ag_tensor *ag_sum(ag_tape *tape, ag_tensor *x); /* [1,1] */

/* Allocates (first time) and zeroes the running gradient of a table, from the arena. */
m4_status ag_table_grad(ag_tape *tape, ag_table *table, m4_error *err);

/* Value of a [1,1] tensor; NAN for NULL. */
double ag_item(const ag_tape *tape, const ag_tensor *scalar);

#endif
