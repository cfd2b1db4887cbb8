/* Tensors, state tables and parameters: making them, views, moving values in and out. Knows no op. */
#include "autograd/tape.h"

#include <math.h>
#include <stdio.h>

static size_t matrix_bytes(const ag_backend *backend, int32_t rows, int32_t cols) {
  return (size_t)rows * (size_t)cols * ag_element_bytes(backend);
}

static void *at_row(const ag_tape *tape, void *matrix, int32_t row, int32_t cols) {
  return (unsigned char *)matrix + matrix_bytes(tape->backend, row, cols);
}

/* ---- float32 on the host, elements in the backend's memory ---- */

enum { CHUNK = 256 };

static void upload_floats(const ag_backend *backend, void *to, const float *values, int64_t n) {
  if (backend->dtype == AG_F32) {
    backend->upload(backend, to, values, (size_t)n * sizeof(float));
    return;
  }
  double chunk[CHUNK];
  for (int64_t i = 0; i < n; i += CHUNK) {
    int64_t count = n - i < CHUNK ? n - i : CHUNK;
    for (int64_t k = 0; k < count; ++k) chunk[k] = values[i + k];
    backend->upload(backend, (double *)to + i, chunk, (size_t)count * sizeof(double));
  }
}

static void download_floats(const ag_backend *backend, float *values, const void *from, int64_t n) {
  if (backend->dtype == AG_F32) {
    backend->download(backend, values, from, (size_t)n * sizeof(float));
    return;
  }
  double chunk[CHUNK];
  for (int64_t i = 0; i < n; i += CHUNK) {
    int64_t count = n - i < CHUNK ? n - i : CHUNK;
    backend->download(backend, chunk, (const double *)from + i, (size_t)count * sizeof(double));
    for (int64_t k = 0; k < count; ++k) values[i + k] = (float)chunk[k];
  }
}

/* ---- tensors ---- */

static ag_tensor *new_header(ag_tape *tape, int32_t rows, int32_t cols, void *data, const char *what) {
  ag_tensor *tensor = ag_tape_alloc(tape, tape->arena, 1, sizeof *tensor, what);
  if (tensor) *tensor = (ag_tensor){.rows = rows, .cols = cols, .data = data};
  return tensor;
}

ag_tensor *ag_tensor_new(ag_tape *tape, int32_t rows, int32_t cols, bool needs_grad, const char *what) {
  void *data =
      ag_tape_alloc(tape, tape->elements, (int64_t)rows * cols, ag_element_bytes(tape->backend), what);
  ag_tensor *tensor = data ? new_header(tape, rows, cols, data, what) : NULL;
  if (tensor) tensor->needs_grad = needs_grad;
  return tensor;
}

/* Sizes come in steps, two to an octave, so that a slightly larger event finds the spares of the one before:
 * a growing series of events takes at most four times the memory of its largest. */
static size_t size_step(size_t bytes) {
  size_t step = 64;
  while (step < bytes && step <= SIZE_MAX / 4) {
    if (step + step / 2 >= bytes) return step + step / 2;
    step *= 2;
  }
  return step < bytes ? bytes : step;
}

/* The smallest spare that is large enough; the newest of equals, which is still in the cache. */
static bool take_spare(ag_tape *tape, ag_tensor *tensor, size_t bytes) {
  int best = -1;
  for (int i = 0; i < tape->n_spares; ++i) {
    size_t size = tape->spares[i].bytes;
    if (size >= bytes && (best < 0 || size <= tape->spares[best].bytes)) best = i;
  }
  if (best < 0) return false;
  tensor->grad = tape->spares[best].memory;
  tensor->grad_bytes = tape->spares[best].bytes;
  --tape->n_spares;
  for (int i = best; i < tape->n_spares; ++i) tape->spares[i] = tape->spares[i + 1];
  return true;
}

/* Where the next spare goes: behind the others; when all places are taken, over the smallest. */
static ag_spare *spare_place(ag_tape *tape) {
  if (tape->n_spares < AG_MOST_SPARES) return &tape->spares[tape->n_spares++];
  ag_spare *smallest = &tape->spares[0];
  for (int i = 1; i < AG_MOST_SPARES; ++i)
    if (tape->spares[i].bytes < smallest->bytes) smallest = &tape->spares[i];
  return smallest;
}

void ag_tensor_spare_grad(ag_tape *tape, ag_tensor *tensor) {
  if (tensor->grad_bytes > 0) *spare_place(tape) = (ag_spare){tensor->grad, tensor->grad_bytes};
  tensor->grad = NULL;
  tensor->grad_bytes = 0;
}

void *ag_tensor_grad(ag_tape *tape, ag_tensor *tensor) {
  if (tensor->grad) return tensor->grad;
  if (tensor->owner) {
    void *owner_grad = ag_tensor_grad(tape, tensor->owner);
    return tensor->grad = owner_grad ? at_row(tape, owner_grad, tensor->first_row, tensor->cols) : NULL;
  }
  size_t bytes = matrix_bytes(tape->backend, tensor->rows, tensor->cols);
  if (!take_spare(tape, tensor, bytes)) {
    size_t step = size_step(bytes);
    tensor->grad = ag_tape_alloc(tape, tape->elements, (int64_t)step, 1, "gradient");
    tensor->grad_bytes = tensor->grad ? step : 0;
  }
  if (tensor->grad) tape->backend->zero(tape->backend, tensor->grad, bytes);
  return tensor->grad;
}

ag_tensor *ag_slice_rows(ag_tape *tape, ag_tensor *x, int32_t first, int32_t n_rows) {
  if (!x || tape->error.status != M4_OK) return NULL;
  if (first < 0 || n_rows < 0 || first > x->rows || n_rows > x->rows - first) {
    m4_fail(&tape->error, M4_INTERNAL, NULL, "slice: rows %d .. %d are outside [%d, %d]", first,
            first + n_rows - 1, x->rows, x->cols);
    return NULL;
  }
  ag_tensor *view = new_header(tape, n_rows, x->cols, at_row(tape, x->data, first, x->cols), "slice");
  if (!view) return NULL;
  view->needs_grad = x->needs_grad;
  view->owner = x->owner ? x->owner : x;
  view->first_row = x->first_row + first;
  return view;
}

ag_tensor *ag_constant(ag_tape *tape, int32_t rows, int32_t cols, const void *data) {
  if (tape->error.status != M4_OK) return NULL;
  return new_header(tape, rows, cols, (void *)(uintptr_t)data, "constant");
}

ag_tensor *ag_input(ag_tape *tape, int32_t rows, int32_t cols, const float *values) {
  if (tape->error.status != M4_OK) return NULL;
  ag_tensor *tensor = ag_tensor_new(tape, rows, cols, false, "input");
  if (!tensor) return NULL;
  upload_floats(tape->backend, tensor->data, values, (int64_t)rows * cols);
  return tensor;
}

double ag_item(const ag_tape *tape, const ag_tensor *scalar) {
  if (!scalar || scalar->rows != 1 || scalar->cols != 1) return NAN;
  float single;
  double value;
  if (tape->backend->dtype == AG_F64) {
    tape->backend->download(tape->backend, &value, scalar->data, sizeof value);
    return value;
  }
  tape->backend->download(tape->backend, &single, scalar->data, sizeof single);
  return single;
}

bool ag_indices_valid(const ag_tape *tape, const int32_t *index, int64_t n, int32_t limit) {
  if (!tape->backend->host_memory) return true;
  int bad = 0;
  for (int64_t i = 0; i < n; ++i) bad |= (uint32_t)index[i] >= (uint32_t)limit;
  return !bad;
}

/* ---- state tables ---- */

m4_status ag_table_grad(ag_tape *tape, ag_table *table, m4_error *err) {
  size_t bytes = matrix_bytes(tape->backend, table->rows, table->cols);
  if (!table->grad)
    table->grad = ag_tape_alloc(tape, tape->elements, (int64_t)bytes, 1, "gradient of a state table");
  if (!table->grad) return ag_tape_status(tape, err);
  tape->backend->zero(tape->backend, table->grad, bytes);
  return M4_OK;
}

/* ---- parameters ---- */

static bool is_vector(const ag_param *param) {
  return param->rows == 1 || param->cols == 1;
}

static bool alloc_copies(ag_param *param, const ag_backend *backend) {
  if (is_vector(param)) return true;
  param->transposed = backend->alloc(backend, matrix_bytes(backend, param->rows, param->cols));
  if (!backend->pack) return param->transposed != NULL;
  param->packed = backend->alloc(backend, backend->packed_bytes(param->rows, param->cols));
  param->packed_transposed = backend->alloc(backend, backend->packed_bytes(param->cols, param->rows));
  return param->transposed && param->packed && param->packed_transposed;
}

m4_status ag_param_init(ag_param *param, const ag_backend *backend, const char *name, int32_t rows,
                        int32_t cols, m4_error *err) {
  *param = (ag_param){.rows = rows, .cols = cols, .dtype = backend->dtype};
  int length = snprintf(param->name, sizeof param->name, "%s", name);
  if (length < 0 || (size_t)length >= sizeof param->name || rows < 1 || cols < 1)
    return m4_fail(err, M4_INTERNAL, NULL, "parameter \"%.80s\" [%d, %d]: bad name or shape", name, rows,
                   cols);
  size_t bytes = matrix_bytes(backend, rows, cols);
  param->data = backend->alloc(backend, bytes);
  if (!param->data || !alloc_copies(param, backend)) {
    ag_param_free(param, backend);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for parameter %s [%d, %d]", name, rows, cols);
  }
  backend->zero(backend, param->data, bytes);
  ag_param_refresh(param, backend);
  return M4_OK;
}

void ag_param_free(ag_param *param, const ag_backend *backend) {
  void **const memory[] = {&param->data, &param->transposed, &param->packed, &param->packed_transposed};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; ++i) {
    if (*memory[i]) backend->free(backend, *memory[i]);
    *memory[i] = NULL;
  }
}

void ag_param_refresh(ag_param *param, const ag_backend *backend) {
  if (!param->transposed) return;
  backend->transpose(backend, param->transposed, param->data, param->rows, param->cols);
  if (!backend->pack) return;
  backend->pack(backend, param->packed, param->data, param->rows, param->cols);
  backend->pack(backend, param->packed_transposed, param->transposed, param->cols, param->rows);
}

static void *element(const ag_param *param, const ag_backend *backend, int64_t i) {
  return (unsigned char *)param->data + (size_t)i * ag_element_bytes(backend);
}

void ag_param_put(ag_param *param, const ag_backend *backend, int64_t first, int64_t n, const float *values) {
  upload_floats(backend, element(param, backend, first), values, n);
}

void ag_param_get(const ag_param *param, const ag_backend *backend, int64_t first, int64_t n, float *values) {
  download_floats(backend, values, element(param, backend, first), n);
}

const void *ag_param_transposed(const ag_param *param) {
  return is_vector(param) ? param->data : param->transposed;
}
