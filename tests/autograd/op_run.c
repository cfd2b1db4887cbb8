/* Makes problems for op cases and runs them in float32 or float64. */
#include "base/philox.h"
#include "tests/autograd/op_cases.h"

#include <string.h>

ag_case_matrix *op_varied(ag_case_data *data, int i) {
  if (i < 2) return &data->x[i];
  return i < 6 ? &data->param[i - 2] : &data->table;
}

/* ---- problems ---- */

/* 0.1 .. 1 with either sign: away from the kink of ReLU. */
static void fill_random(ag_case_matrix *m, m4_rng *rng, m4_arena *arena) {
  int64_t n = (int64_t)m->rows * m->cols;
  m->values = m4_arena_alloc(arena, (size_t)n, sizeof(double));
  for (int64_t i = 0; i < n; ++i) {
    double size = 0.1 + 0.9 * m4_rng_uniform(rng);
    m->values[i] = m4_rng_below(rng, 2) ? size : -size;
  }
}

/* Compressed rows of edges (from[e] -> to[e]), grouped by `to`, in edge order. */
static void compress(const int32_t *from, const int32_t *to, int32_t n_edges, int32_t n_to, int32_t *offset,
                     int32_t *index) {
  int32_t count = 0;
  for (int32_t i = 0; i < n_to; ++i) {
    offset[i] = count;
    for (int32_t e = 0; e < n_edges; ++e)
      if (to[e] == i) index[count++] = from[e];
  }
  offset[n_to] = count;
}

static void random_graph(ag_case_data *d, m4_rng *rng, m4_arena *arena) {
  int32_t n_edges = 6 * d->n, n_sums = d->n + 1;
  size_t edges = (size_t)n_edges;
  int32_t *from = m4_arena_alloc(arena, edges, sizeof *from), *to = m4_arena_alloc(arena, edges, sizeof *to);
  for (int32_t e = 0; e < n_edges; ++e) {
    from[e] = (int32_t)m4_rng_below(rng, (uint64_t)d->n);
    to[e] = (int32_t)m4_rng_below(rng, (uint64_t)n_sums);
  }
  d->offset = m4_arena_alloc(arena, (size_t)n_sums + 1, sizeof(int32_t));
  d->index = m4_arena_alloc(arena, edges, sizeof(int32_t));
  d->back_offset = m4_arena_alloc(arena, (size_t)d->n + 1, sizeof(int32_t));
  d->back_index = m4_arena_alloc(arena, edges, sizeof(int32_t));
  compress(from, to, n_edges, n_sums, d->offset, d->index);
  compress(to, from, n_edges, d->n, d->back_offset, d->back_index);
}

static void random_rows(ag_case_data *d, m4_rng *rng, m4_arena *arena) {
  int32_t limit = 2 * d->n;
  int32_t *all = m4_arena_alloc(arena, (size_t)limit, sizeof *all);
  for (int32_t i = 0; i < limit; ++i) all[i] = i;
  for (int32_t i = 0; i < d->n; ++i) { /* a partial shuffle: the first n are distinct */
    int32_t k = i + (int32_t)m4_rng_below(rng, (uint64_t)(limit - i)), kept = all[i];
    all[i] = all[k];
    all[k] = kept;
  }
  d->rows = all;
}

ag_case_data op_problem(ag_op op, int32_t n, int32_t in, int32_t out, m4_arena *arena) {
  ag_case_data d = {.n = n, .in = in, .out = out};
  m4_rng rng =
      m4_rng_make((uint64_t)n * 1000003 + (uint64_t)in * 1009 + (uint64_t)out, M4_RNG_TEST, (uint32_t)op);
  op_cases[op]->shape(&d);
  for (int i = 0; i < OP_VARIED; ++i) fill_random(op_varied(&d, i), &rng, arena);
  d.y.values = m4_arena_calloc(arena, (size_t)d.y.rows * (size_t)d.y.cols, sizeof(double));
  random_graph(&d, &rng, arena);
  random_rows(&d, &rng, arena);
  d.target = m4_arena_alloc(arena, (size_t)n, sizeof(float));
  d.weight = m4_arena_alloc(arena, (size_t)n, sizeof(float));
  for (int32_t i = 0; i < n; ++i) {
    d.target[i] = (float)(2 * m4_rng_uniform(&rng)) - 1;
    d.weight[i] = i % 3 == 2 ? 0 : (float)m4_rng_uniform(&rng);
  }
  return d;
}

/* ---- runs ---- */

static size_t elements(const ag_case_matrix *m) {
  return (size_t)m->rows * (size_t)m->cols;
}

static void store(ag_dtype dtype, void *to, const double *from, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (dtype == AG_F64)
      ((double *)to)[i] = from[i];
    else
      ((float *)to)[i] = (float)from[i];
  }
}

static void load(ag_dtype dtype, double *to, const void *from, size_t n) {
  for (size_t i = 0; i < n; ++i)
    to[i] = !from ? 0 : dtype == AG_F64 ? ((const double *)from)[i] : ((const float *)from)[i];
}

m4_status op_run_create(op_run *run, ag_dtype dtype, const ag_case_data *data, m4_error *err) {
  memset(run, 0, sizeof *run);
  run->backend = ag_cpu_backend(dtype);
  M4_TRY(m4_arena_init(&run->arena, (size_t)1 << 32, err));
  M4_TRY(ag_tape_create(&run->tape, run->backend, &run->arena, err));
  for (int i = 0; i < 4; ++i) {
    const ag_case_matrix *m = &data->param[i];
    if (elements(m) == 0) continue;
    M4_TRY(ag_param_init(&run->param[i], run->backend, "case", m->rows, m->cols, err));
    run->params[run->n_params++] = run->objects.param[i] = &run->param[i];
  }
  M4_TRY(ag_grads_create(&run->grads, run->backend, run->params, run->n_params, err));
  run->table = (ag_table){.rows = data->table.rows, .cols = data->table.cols};
  run->table.data = m4_arena_alloc(&run->arena, elements(&data->table), sizeof(double));
  M4_TRY(ag_table_grad(run->tape, &run->table, err));
  run->objects.table = &run->table;
  run->mark = m4_arena_mark(&run->arena);
  return M4_OK;
}

void op_run_free(op_run *run) {
  for (int i = 0; i < 4; ++i) ag_param_free(&run->param[i], run->backend);
  ag_grads_free(run->grads);
  ag_tape_free(run->tape);
  m4_arena_free(&run->arena);
}

m4_status op_run_forward(op_run *run, ag_op op, ag_case_data *data, bool recording, m4_error *err) {
  ag_dtype dtype = run->backend->dtype;
  ag_tape_clear(run->tape);
  m4_arena_release(&run->arena, run->mark);
  ag_tape_record(run->tape, recording);
  for (int i = 0; i < 2; ++i) {
    const ag_case_matrix *m = &data->x[i];
    void *values = m4_arena_alloc(&run->arena, elements(m), sizeof(double));
    store(dtype, values, m->values, elements(m));
    run->objects.x[i] = ag_constant(run->tape, m->rows, m->cols, values);
    run->objects.x[i]->needs_grad = true;
  }
  for (int i = 0; i < 4; ++i) {
    if (!run->objects.param[i]) continue;
    store(dtype, run->param[i].data, data->param[i].values, elements(&data->param[i]));
    ag_param_refresh(&run->param[i], run->backend);
  }
  store(dtype, run->table.data, data->table.values, elements(&data->table));
  run->y = op_cases[op]->apply(run->tape, data, &run->objects);
  return ag_tape_status(run->tape, err);
}

m4_status op_run_backward(op_run *run, const double *y_gradient, m4_error *err) {
  ag_grads_zero(run->grads);
  M4_TRY(ag_table_grad(run->tape, &run->table, err));
  ag_seed(run->tape, run->y, 0);
  M4_TRY(ag_tape_status(run->tape, err));
  if (run->y->grad)
    store(run->backend->dtype, run->y->grad, y_gradient, (size_t)run->y->rows * (size_t)run->y->cols);
  M4_TRY(ag_backward(run->tape, run->grads, err));
  ag_grads_finish(run->grads);
  return M4_OK;
}

void op_run_result(const op_run *run, double *values) {
  load(run->backend->dtype, values, run->y->data, (size_t)run->y->rows * (size_t)run->y->cols);
}

void op_run_gradient(const op_run *run, ag_case_data *data, int i, double *values) {
  const void *from = run->table.grad;
  if (i < 2) from = run->objects.x[i]->grad;
  for (int32_t k = 0; i >= 2 && i < 6 && k < run->n_params; ++k)
    if (run->params[k] == &run->param[i - 2]) from = ag_grads_data(run->grads, k);
  load(run->backend->dtype, values, from, elements(op_varied(data, i)));
}
