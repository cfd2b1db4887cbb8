/* Parameter gradients. Rows are collected in backward order and added in blocks of AG_WGRAD_BLOCK_ROWS,
 * whatever op or segment they come from: cutting the work differently changes no bit. Knows parameters and
 * the backend's add_product and add_rows; no op. */
#include "autograd/grads.h"

#include "autograd/tape.h"

#include <stdlib.h>

static bool is_matrix(const ag_param *param) {
  return param->rows > 1;
}

static int64_t staged_elements(const ag_param *param) {
  return is_matrix(param) ? (int64_t)AG_WGRAD_BLOCK_ROWS * ((int64_t)param->rows + param->cols) : param->cols;
}

/* Points every parameter's gradient and stage into the two buffers. */
static void lay_out(ag_grads *grads) {
  size_t element = ag_element_bytes(grads->backend);
  unsigned char *gradient = grads->all, *staging = grads->staging;
  for (int32_t i = 0; i < grads->n_params; ++i) {
    const ag_param *param = grads->params[i];
    grads->gradients[i] = gradient;
    gradient += element * (size_t)param->rows * (size_t)param->cols;
    grads->stages[i].x = is_matrix(param) ? staging : NULL;
    grads->stages[i].dy =
        staging + (is_matrix(param) ? element * AG_WGRAD_BLOCK_ROWS * (size_t)param->rows : 0);
    staging += element * (size_t)staged_elements(param);
  }
}

m4_status ag_grads_create(ag_grads **grads, const ag_backend *backend, ag_param *const *params,
                          int32_t n_params, m4_error *err) {
  ag_grads *g = calloc(1, sizeof *g);
  *grads = g;
  if (!g) return m4_fail(err, M4_MEMORY, NULL, "no memory for gradients");
  size_t count = n_params > 0 ? (size_t)n_params : 1;
  g->backend = backend;
  g->n_params = n_params;
  g->params = calloc(count, sizeof(ag_param *));
  g->stages = calloc(count, sizeof *g->stages);
  g->gradients = calloc(count, sizeof *g->gradients);
  g->counts = calloc(count, sizeof *g->counts);
  for (int32_t i = 0; i < n_params; ++i) {
    int64_t n_elements = (int64_t)params[i]->rows * params[i]->cols;
    g->n_elements += n_elements;
    g->n_staged += staged_elements(params[i]);
    if (g->params) g->params[i] = params[i];
    if (g->counts) g->counts[i] = n_elements;
  }
  size_t element = ag_element_bytes(backend);
  g->all = backend->alloc(backend, element * (size_t)g->n_elements);
  g->staging = backend->alloc(backend, element * (size_t)g->n_staged);
  if (!g->params || !g->stages || !g->gradients || !g->counts || !g->all || !g->staging) {
    ag_grads_free(g);
    *grads = NULL;
    return m4_fail(err, M4_MEMORY, NULL, "no memory for gradients of %d parameters", n_params);
  }
  lay_out(g);
  ag_grads_zero(g);
  return M4_OK;
}

void ag_grads_free(ag_grads *grads) {
  if (!grads) return;
  if (grads->all) grads->backend->free(grads->backend, grads->all);
  if (grads->staging) grads->backend->free(grads->backend, grads->staging);
  free(grads->params);
  free(grads->stages);
  free(grads->gradients);
  free(grads->counts);
  free(grads);
}

void ag_grads_zero(ag_grads *grads) {
  size_t element = ag_element_bytes(grads->backend);
  grads->backend->zero(grads->backend, grads->all, element * (size_t)grads->n_elements);
  for (int32_t i = 0; i < grads->n_params; ++i) {
    grads->stages[i].n_rows = 0;
    if (!is_matrix(grads->params[i]))
      grads->backend->zero(grads->backend, grads->stages[i].dy, element * (size_t)grads->params[i]->cols);
  }
}

void *ag_grads_data(const ag_grads *grads, int32_t i) {
  return grads->gradients[i];
}

void *ag_grads_all(const ag_grads *grads, int64_t *n_elements) {
  *n_elements = grads->n_elements;
  return grads->all;
}

int64_t ag_grads_bytes(const ag_grads *grads) {
  return (grads->n_elements + grads->n_staged) * (int64_t)ag_element_bytes(grads->backend);
}

void ag_grads_share(ag_grads *grads, m4_team *team) {
  grads->team = team;
}

void ag_grads_profile(ag_grads *grads, ag_profile *profile) {
  grads->profile = profile;
}

/* ---- blocks ---- */

/* One full block of a matrix, shared by rows of the product. */
typedef struct block {
  const ag_backend *backend;
  const ag_param *param;
  const ag_stage *rows;
  void *gradient;
  int n_parts;
} block;

static void add_block_part(void *arg, int part) {
  const block *b = arg;
  int32_t in = b->param->rows, first = in * part / b->n_parts, end = in * (part + 1) / b->n_parts;
  b->backend->add_product_rows(b->backend, b->gradient, b->rows->x, b->rows->dy, b->rows->n_rows, in,
                               b->param->cols, first, end);
}

static void add_block(const ag_grads *grads, const ag_param *param, const ag_stage *s, void *gradient) {
  enum { ROWS_PER_PART = 24, MOST_PARTS = 64 };
  const ag_backend *backend = grads->backend;
  int n_parts = 2 * (m4_team_helpers(grads->team) + 1), most = param->rows / ROWS_PER_PART;
  n_parts = n_parts < most ? n_parts : most;
  n_parts = n_parts < MOST_PARTS ? n_parts : MOST_PARTS;
  block b = {backend, param, s, gradient, n_parts};
  if (backend->add_product_rows && m4_team_helpers(grads->team) > 0 && n_parts > 1)
    m4_team_run(grads->team, n_parts, add_block_part, &b);
  else
    backend->add_product(backend, gradient, s->x, s->dy, s->n_rows, param->rows, param->cols);
}

static void flush(ag_grads *grads, int32_t i) {
  const ag_backend *backend = grads->backend;
  const ag_param *param = grads->params[i];
  ag_stage *s = &grads->stages[i];
  if (s->n_rows == 0) return;
  if (is_matrix(param)) {
    int64_t begin_ns = grads->profile ? ag_profile_now_ns() : 0;
    add_block(grads, param, s, grads->gradients[i]);
    if (grads->profile)
      ag_profile_weights(grads->profile, 2.0 * s->n_rows * param->rows * param->cols, begin_ns);
  } else {
    backend->add_rows(backend, grads->gradients[i], s->dy, NULL, 1, param->cols);
    backend->zero(backend, s->dy, ag_element_bytes(backend) * (size_t)param->cols);
  }
  s->n_rows = 0;
}

void ag_grads_finish(ag_grads *grads) {
  for (int32_t i = 0; i < grads->n_params; ++i) flush(grads, i);
}

static int32_t find(const ag_grads *grads, const ag_param *param) {
  for (int32_t i = 0; i < grads->n_params; ++i)
    if (grads->params[i] == param) return i;
  return -1;
}

/* Adds rows to the open block, flushing each time it is full. x: the other factor, [n, in] for a matrix, [n]
 * or NULL for a vector. */
static void add(ag_grads *grads, const ag_param *param, const unsigned char *x, const unsigned char *dy,
                int32_t n) {
  int32_t i = find(grads, param);
  if (i < 0) return;
  const ag_backend *backend = grads->backend;
  ag_stage *s = &grads->stages[i];
  size_t x_bytes = ag_element_bytes(backend) * (size_t)param->rows,
         dy_bytes = ag_element_bytes(backend) * (size_t)param->cols;
  while (n > 0) {
    int32_t space = AG_WGRAD_BLOCK_ROWS - s->n_rows, take = n < space ? n : space;
    if (is_matrix(param)) {
      backend->copy(backend, s->x + x_bytes * (size_t)s->n_rows, x, x_bytes * (size_t)take);
      backend->copy(backend, s->dy + dy_bytes * (size_t)s->n_rows, dy, dy_bytes * (size_t)take);
    } else {
      backend->add_rows(backend, s->dy, dy, x, take, param->cols);
    }
    if (x) x += x_bytes * (size_t)take;
    dy += dy_bytes * (size_t)take;
    n -= take;
    s->n_rows += take;
    if (s->n_rows == AG_WGRAD_BLOCK_ROWS) flush(grads, i);
  }
}

static void add_or_remember(ag_grads *grads, ag_addition addition) {
  if (!grads || !addition.param) return;
  if (grads->remembers)
    grads->additions[grads->n_additions++] = addition;
  else
    add(grads, addition.param, addition.x, addition.dy, addition.n_rows);
}

void ag_grads_add_product(ag_grads *grads, const ag_param *weight, const void *x, const void *dy, int32_t n) {
  add_or_remember(grads, (ag_addition){weight, x, dy, n});
}

void ag_grads_add_rows(ag_grads *grads, const ag_param *vector, const void *rows, int32_t n) {
  add_or_remember(grads, (ag_addition){vector, NULL, rows, n});
}

void ag_grads_add_parts(ag_grads *grads, const ag_grads *parts, int n_parts) {
  for (int k = 0; grads && k < parts[0].n_additions; ++k)
    for (int part = 0; part < n_parts; ++part) add_or_remember(grads, parts[part].additions[k]);
}
