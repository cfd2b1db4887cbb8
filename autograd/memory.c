/* Calls of the backend's table for rooms above; see memory.h. */
#include "autograd/memory.h"

#include "autograd/tape.h"

bool ag_on_host(const ag_backend *backend) {
  return backend->host_memory;
}

const char *ag_backend_name(const ag_backend *backend) {
  return backend->name;
}

bool ag_row_bits(const ag_backend *backend) {
  return backend->row_bits;
}

void *ag_take(const ag_backend *backend, size_t bytes) {
  return backend->alloc(backend, bytes);
}

void ag_give_back(const ag_backend *backend, void *memory) {
  if (memory) backend->free(backend, memory);
}

void ag_zero(const ag_backend *backend, void *memory, size_t bytes) {
  backend->zero(backend, memory, bytes);
}

void ag_upload(const ag_backend *backend, void *to, const void *from_host, size_t bytes) {
  backend->upload(backend, to, from_host, bytes);
}

void ag_download(const ag_backend *backend, void *to_host, const void *from, size_t bytes) {
  backend->download(backend, to_host, from, bytes);
}

void ag_copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  backend->copy(backend, to, from, bytes);
}

void *ag_tape_take(ag_tape *tape, size_t bytes) {
  return ag_tape_alloc(tape, tape->elements, (int64_t)bytes, 1, "tape memory");
}

ag_tensor *ag_values(ag_tape *tape, int32_t rows, int32_t cols, const float *values) {
  const ag_backend *backend = ag_tape_backend(tape);
  bool as_it_is = backend->dtype == AG_F32;
  return as_it_is ? ag_constant(tape, rows, cols, values) : ag_input(tape, rows, cols, values);
}
