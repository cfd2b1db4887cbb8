/* What a backend is and what an op sees: the op list, the node, the kernel table, and the few calls op files
 * use. Only the files of autograd/ and backend plug-ins include this; everybody else uses autograd.h.
 *
 * A node is plain data: shapes, scalars and pointers into the backend's memory (tensor elements, parameters,
 * index arrays). A kernel gets the node and nothing else, so a device can run it from the same fields. */
#ifndef AG_BACKEND_H
#define AG_BACKEND_H

#include "autograd/autograd.h"
#include "autograd/update.h"

typedef enum ag_op {
#define AG_OP(name, inputs, text) AG_OP_##name,
#include "autograd/ops.def"
#undef AG_OP
  AG_OP_COUNT
} ag_op;

const char *ag_op_name(ag_op op);
const char *ag_op_text(ag_op op);

typedef struct ag_node ag_node;
struct ag_node {
  ag_op op;
  const ag_backend *backend;
  ag_tensor *in[2];
  ag_tensor *out;     /* NULL for scatter */
  ag_param *param[4]; /* in the order of the op's arguments; an absent bias is NULL */
  ag_table *table;    /* gather, scatter */
  const int32_t *index[4];
  const float *values[2]; /* l1: target, weight */
  double factor;          /* scale: factor; dropout: p */
  ag_rng_state rng;       /* dropout: number of the first element */
  int64_t n_saved;        /* elements forward keeps for backward, 0 = none */
  int64_t n_scratch;      /* elements backward may use while it runs */
  void *saved;
  ag_node *previous; /* recorded before this one */
};

/* Computes out (and saved) from the inputs. Everything is allocated; kernels cannot fail. */
typedef void (*ag_forward_fn)(const ag_node *node);
/* Adds to in[i]->grad where it is not NULL, to table->grad, and to grads (ag_grads_add_*; NULL grads is
 * accepted there). */
typedef void (*ag_backward_fn)(const ag_node *node, ag_grads *grads, void *scratch);

typedef struct ag_kernel {
  ag_forward_fn forward;
  ag_backward_fn backward;
} ag_kernel;

struct ag_backend {
  const char *name; /* "cpu" */
  ag_dtype dtype;
  bool host_memory; /* the host may read and write the backend's memory */
  bool row_bits; /* a row's bits do not depend on the rows computed with it: host threads may share an op */
  void *context; /* the backend's own: device number, stream, library handles */

  /* Memory. alloc returns NULL when there is none. Sizes in bytes. */
  void *(*alloc)(const ag_backend *backend, size_t bytes);
  void (*free)(const ag_backend *backend, void *memory);
  void (*upload)(const ag_backend *backend, void *to, const void *from_host, size_t bytes);
  void (*download)(const ag_backend *backend, void *to_host, const void *from, size_t bytes);
  void (*copy)(const ag_backend *backend, void *to, const void *from, size_t bytes);
  void (*zero)(const ag_backend *backend, void *memory, size_t bytes);
  /* The first failure of a device, which ends its work; NULL = there are none (a CPU). Work that is started
   * without waiting shows its failure at the next download at the latest, which then gives NaN. */
  m4_status (*status)(const ag_backend *backend, m4_error *err);

  /* Array helpers the tape needs; n counts elements. */
  void (*add_constant)(const ag_backend *backend, void *x, int64_t n, double value);
  bool (*all_finite)(const ag_backend *backend, const void *x, int64_t n);
  void (*transpose)(const ag_backend *backend, void *to, const void *from, int32_t rows, int32_t cols);
  /* A matrix [rows, cols] as products read it, packed_bytes(rows, cols) long; both NULL = not needed. Called
   * by ag_param_refresh for weights and their transposes. */
  size_t (*packed_bytes)(int32_t rows, int32_t cols);
  void (*pack)(const ag_backend *backend, void *packed, const void *matrix, int32_t rows, int32_t cols);
  /* product [in, out] += x^T dy, x [n, in], dy [n, out] */
  void (*add_product)(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                      int32_t in, int32_t out);
  /* The same for rows first .. end-1 of product only, bit for bit; NULL = not possible. */
  void (*add_product_rows)(const ag_backend *backend, void *product, const void *x, const void *dy, int32_t n,
                           int32_t in, int32_t out, int32_t first, int32_t end);
  /* sum [cols] += scale[i] * rows[i], i = 0 .. n-1 in this order; scale NULL = 1 */
  void (*add_rows)(const ag_backend *backend, void *sum, const void *rows, const void *scale, int32_t n,
                   int32_t cols);

  /* What becomes of gradients (update.h). */
  void (*add)(const ag_backend *backend, void *sum, const void *x, int64_t n); /* sum += x */
  void (*scale)(const ag_backend *backend, void *x, int64_t n, double factor); /* x *= factor */
  /* Elements beyond +-limit become that. True when there were some. */
  bool (*limit)(const ag_backend *backend, void *x, int64_t n, double limit);
  /* squares[i]: sum of the squares of the n[i] elements of array i; the arrays lie one after another in x. */
  void (*squares)(const ag_backend *backend, const void *x, const int64_t *n, int32_t n_arrays,
                  double *squares);
  void (*adam)(const ag_backend *backend, const ag_adam *arrays, int64_t n);

  ag_kernel kernels[AG_OP_COUNT]; /* an op without forward and backward is not supported */
};

bool ag_supports(const ag_backend *backend, ag_op op);
size_t ag_element_bytes(const ag_backend *backend);

/* ---- for op files ---- */

/* First call of every op: false when the tape has failed before, an input is missing or the parameters have
 * another type. */
bool ag_ready(ag_tape *tape, const ag_node *node);
/* Records the first failure (M4_INTERNAL: the caller passed something impossible) and returns NULL. */
ag_tensor *ag_refuse(ag_tape *tape, ag_op op, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Allocates out [rows, cols] and saved, computes, records. node is a template on the caller's stack. NULL on
 * failure. */
ag_tensor *ag_apply(ag_tape *tape, ag_node *node, int32_t rows, int32_t cols);
/* The same for an op without an output tensor. */
void ag_apply_in_place(ag_tape *tape, ag_node *node);
/* True when all n values are in 0 .. limit-1. Always true for device memory, which the host cannot read. */
bool ag_indices_valid(const ag_tape *tape, const int32_t *index, int64_t n, int32_t limit);
/* Takes the next n random numbers of the tape. */
ag_rng_state ag_take_random(ag_tape *tape, int64_t n);

/* W^T [out, in] as one row-major matrix, also for vectors. */
const void *ag_param_transposed(const ag_param *param);

/* Gradient of weight [in, out] += x^T dy, staged (autograd.h, ag_grads). */
void ag_grads_add_product(ag_grads *grads, const ag_param *weight, const void *x, const void *dy, int32_t n);
/* Gradient of vector [1, cols] += column sums of rows [n, cols]. vector NULL: nothing. */
void ag_grads_add_rows(ag_grads *grads, const ag_param *vector, const void *rows, int32_t n);

#endif
