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

/* Converts to the element type and uploads. */
static void store(const ag_backend *backend, void *to, const double *from, size_t n) {
  enum { CHUNK = 256 };
  float single[CHUNK];
  for (size_t first = 0; first < n && backend->dtype == AG_F32; first += CHUNK) {
    size_t count = n - first < CHUNK ? n - first : CHUNK;
    for (size_t i = 0; i < count; ++i) single[i] = (float)from[first + i];
    backend->upload(backend, (float *)to + first, single, count * sizeof *single);
  }
  if (backend->dtype == AG_F64) backend->upload(backend, to, from, n * sizeof *from);
}

/* Downloads and converts; zeros when there is nothing. */
static void load(const ag_backend *backend, double *to, const void *from, size_t n) {
  memset(to, 0, n * sizeof *to);
  if (!from || n == 0) return;
  backend->download(backend, to, from, n * ag_element_bytes(backend));
  for (size_t i = n; backend->dtype == AG_F32 && i-- > 0;) {
    float value;
    memcpy(&value, (const unsigned char *)to + i * sizeof value, sizeof value);
    to[i] = (double)value;
  }
}

/* Memory of the backend that lives as long as the run; a copy of `from` unless that is NULL. */
static void *resident(op_run *run, const void *from, size_t bytes) {
  void *memory = run->backend->alloc(run->backend, bytes);
  if (!memory) return NULL;
  if (from && bytes) run->backend->upload(run->backend, memory, from, bytes);
  return run->memory[run->n_memory++] = memory;
}

/* The lists of the problem: rows, graph, labels. */
static m4_status move_lists(op_run *run, const ag_case_data *data, m4_error *err) {
  size_t n = (size_t)data->n, edges = 6 * n;
  ag_case_data *lists = &run->lists;
  *lists = *data;
  lists->rows = resident(run, data->rows, n * sizeof(int32_t));
  lists->offset = resident(run, data->offset, (n + 2) * sizeof(int32_t));
  lists->index = resident(run, data->index, edges * sizeof(int32_t));
  lists->back_offset = resident(run, data->back_offset, (n + 1) * sizeof(int32_t));
  lists->back_index = resident(run, data->back_index, edges * sizeof(int32_t));
  lists->target = resident(run, data->target, n * sizeof(float));
  lists->weight = resident(run, data->weight, n * sizeof(float));
  bool complete = lists->rows && lists->offset && lists->index && lists->back_offset && lists->back_index &&
                  lists->target && lists->weight;
  return complete ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for the lists of a problem");
}

/* Inputs and the table. */
static m4_status make_values(op_run *run, const ag_case_data *data, m4_error *err) {
  size_t element = ag_element_bytes(run->backend);
  for (int i = 0; i < 2; ++i) {
    run->x[i] = resident(run, NULL, elements(&data->x[i]) * element);
    if (!run->x[i]) return m4_fail(err, M4_MEMORY, NULL, "no memory for an input");
  }
  run->table = (ag_table){.rows = data->table.rows, .cols = data->table.cols};
  run->table.data = resident(run, NULL, elements(&data->table) * element);
  if (!run->table.data) return m4_fail(err, M4_MEMORY, NULL, "no memory for a table");
  run->objects.table = &run->table;
  return ag_table_grad(run->tape, &run->table, err);
}

m4_status op_run_create(op_run *run, const ag_backend *backend, const ag_case_data *data, m4_error *err) {
  memset(run, 0, sizeof *run);
  run->backend = backend;
  M4_TRY(m4_arena_init(&run->arena, (size_t)1 << (backend->host_memory ? 32 : 26), err));
  M4_TRY(ag_tape_create(&run->tape, run->backend, &run->arena, err));
  for (int i = 0; i < 4; ++i) {
    const ag_case_matrix *m = &data->param[i];
    if (elements(m) == 0) continue;
    M4_TRY(ag_param_init(&run->param[i], run->backend, "case", m->rows, m->cols, err));
    run->params[run->n_params++] = run->objects.param[i] = &run->param[i];
  }
  M4_TRY(ag_grads_create(&run->grads, run->backend, run->params, run->n_params, err));
  M4_TRY(move_lists(run, data, err));
  M4_TRY(make_values(run, data, err));
  run->mark = ag_tape_mark(run->tape);
  return M4_OK;
}

void op_run_free(op_run *run) {
  for (int i = 0; i < 4; ++i) ag_param_free(&run->param[i], run->backend);
  for (int i = 0; i < run->n_memory; ++i) run->backend->free(run->backend, run->memory[i]);
  ag_grads_free(run->grads);
  ag_tape_free(run->tape);
  m4_arena_free(&run->arena);
}

m4_status op_run_forward(op_run *run, ag_op op, const ag_case_data *data, bool recording, m4_error *err) {
  ag_tape_clear(run->tape);
  ag_tape_release(run->tape, run->mark);
  ag_tape_record(run->tape, recording);
  for (int i = 0; i < 2; ++i) {
    const ag_case_matrix *m = &data->x[i];
    store(run->backend, run->x[i], m->values, elements(m));
    run->objects.x[i] = ag_constant(run->tape, m->rows, m->cols, run->x[i]);
    run->objects.x[i]->needs_grad = true;
  }
  for (int i = 0; i < 4; ++i) {
    if (!run->objects.param[i]) continue;
    store(run->backend, run->param[i].data, data->param[i].values, elements(&data->param[i]));
    ag_param_refresh(&run->param[i], run->backend);
  }
  store(run->backend, run->table.data, data->table.values, elements(&data->table));
  run->y = op_cases[op]->apply(run->tape, &run->lists, &run->objects);
  return ag_tape_status(run->tape, err);
}

m4_status op_run_backward(op_run *run, const double *y_gradient, m4_error *err) {
  ag_grads_zero(run->grads);
  M4_TRY(ag_table_grad(run->tape, &run->table, err));
  ag_seed(run->tape, run->y, 0);
  M4_TRY(ag_tape_status(run->tape, err));
  if (run->y->grad)
    store(run->backend, run->y->grad, y_gradient, (size_t)run->y->rows * (size_t)run->y->cols);
  M4_TRY(ag_backward(run->tape, run->grads, err));
  ag_grads_finish(run->grads);
  return M4_OK;
}

void op_run_result(const op_run *run, double *values) {
  load(run->backend, values, run->y->data, (size_t)run->y->rows * (size_t)run->y->cols);
}

void op_run_gradient(const op_run *run, ag_case_data *data, int i, double *values) {
  const void *from = run->table.grad;
  if (i < 2) from = run->objects.x[i]->grad;
  for (int32_t k = 0; i >= 2 && i < 6 && k < run->n_params; ++k)
    if (run->params[k] == &run->param[i - 2]) from = ag_grads_data(run->grads, k);
  load(run->backend, values, from, elements(op_varied(data, i)));
}
