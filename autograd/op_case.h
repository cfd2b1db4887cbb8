/* What a test case of an op is. Every op file ends with the cases of its ops, compiled by
 * tests/autograd/op_cases.c only; the same case is compared with its naive reference, checked by finite
 * differences, timed and listed in docs/ops.md. All values are double; a case knows neither backend nor
 * element type. */
#ifndef AG_OP_CASE_H
#define AG_OP_CASE_H

#include "autograd/autograd.h"

typedef struct ag_case_matrix {
  int32_t rows, cols; /* 0, 0: not used by the case */
  double *values;
} ag_case_matrix;

/* One problem: sizes, random values in about -1..1 away from 0, random lists. Filled by the test program
 * after `shape`. */
typedef struct ag_case_data {
  int32_t n, in, out;      /* sizes asked for: rows, width in, width out */
  ag_case_matrix x[2];     /* tensor inputs */
  ag_case_matrix param[4]; /* parameters */
  ag_case_matrix table;    /* a state table */
  ag_case_matrix y;        /* the result */
  int32_t *rows;           /* [n] distinct row numbers below 2 n */
  int32_t *offset, *index; /* a random bipartite graph from n rows of x to n + 1 sums; some sums are empty, */
  int32_t *back_offset, *back_index; /* some edges repeat; and its transpose */
  float *target, *weight;            /* [n]; some weights are 0 */
} ag_case_data;

/* The same as objects of a tape. */
typedef struct ag_case_objects {
  ag_tensor *x[2];
  ag_param *param[4]; /* NULL where the case has none */
  ag_table *table;
} ag_case_objects;

typedef struct ag_case {
  void (*shape)(ag_case_data *data); /* sets rows and cols of everything used */
  ag_tensor *(*apply)(ag_tape *tape, const ag_case_data *data, const ag_case_objects *objects);
  void (*reference)(const ag_case_data *data, double *y); /* plain loops, no shared code; y is zeroed */
  double (*flops)(const ag_case_data *data);              /* of forward; NULL: counts as memory-bound */
} ag_case;

static inline double ag_case_at(const ag_case_matrix *m, int32_t row, int32_t col) {
  return m->values[(int64_t)row * m->cols + col];
}

static inline ag_case_matrix ag_case_shape(int32_t rows, int32_t cols) {
  return (ag_case_matrix){rows, cols, NULL};
}

/* Fixed dropout numbers of the cases. */
#define AG_CASE_RNG ((ag_rng_state){.seed = 77, .step = 3, .next_index = 6})

#endif
