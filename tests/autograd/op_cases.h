/* The list of op cases, and the means to run one: a problem of given sizes, and a run of it in one element
 * type. */
#ifndef AG_TESTS_OP_CASES_H
#define AG_TESTS_OP_CASES_H

#include "autograd/backend.h"
#include "autograd/op_case.h"

/* One case per op, in the order of ops.def; the list does not compile while an op has none. */
extern const ag_case *const op_cases[AG_OP_COUNT];

/* Matrices of a problem that can be varied: x, param, table. */
enum { OP_VARIED = 7 };
ag_case_matrix *op_varied(ag_case_data *data, int i);

/* Random values and lists for op at these sizes, from the arena; the same for the same sizes. */
ag_case_data op_problem(ag_op op, int32_t n, int32_t in, int32_t out, m4_arena *arena);

typedef struct op_run {
  const ag_backend *backend;
  m4_arena arena;
  ag_tape *tape;
  ag_param param[4];
  ag_param *params[4]; /* those in use */
  int32_t n_params;
  ag_grads *grads;
  void *x[2]; /* inputs */
  ag_table table;
  ag_case_objects objects;
  ag_tensor *y;
  ag_mark mark;
  ag_case_data lists; /* the problem with its lists in the backend's memory */
  void *memory[16];   /* [n_memory] the backend's, freed with the run */
  int n_memory;
} op_run;

/* Nothing of data is used in place: lists and values are uploaded to the backend. */
m4_status op_run_create(op_run *run, const ag_backend *backend, const ag_case_data *data, m4_error *err);
void op_run_free(op_run *run);
/* Loads the values of data and applies the op; run->y is the result. */
m4_status op_run_forward(op_run *run, ag_op op, const ag_case_data *data, bool recording, m4_error *err);
/* Backward with the given gradient of y. */
m4_status op_run_backward(op_run *run, const double *y_gradient, m4_error *err);
/* The result, or the gradient of varied matrix i, as double [rows, cols]. */
void op_run_result(const op_run *run, double *values);
void op_run_gradient(const op_run *run, ag_case_data *data, int i, double *values);

#endif
