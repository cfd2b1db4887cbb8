/* The tape: applies ops, records nodes in the arena, walks them backward. Knows the kernel table, no
 * particular op. */
#include "autograd/tape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
  const char *name, *text;
  int inputs;
} ops[AG_OP_COUNT] = {
#define AG_OP(name, inputs, text) {#name, text, inputs},
#include "autograd/ops.def"
#undef AG_OP
};

const char *ag_op_name(ag_op op) {
  return ops[op].name;
}
const char *ag_op_text(ag_op op) {
  return ops[op].text;
}

bool ag_supports(const ag_backend *backend, ag_op op) {
  return backend->kernels[op].forward && backend->kernels[op].backward;
}
size_t ag_element_bytes(const ag_backend *backend) {
  return backend->dtype == AG_F64 ? sizeof(double) : sizeof(float);
}

m4_status ag_backend_status(const ag_backend *backend, m4_error *err) {
  return backend->status ? backend->status(backend, err) : M4_OK;
}

/* ---- life ---- */

/* A bump allocator in device memory: the arena code never touches what it hands out. */
static m4_status reserve_device(ag_tape *tape, m4_error *err) {
  size_t bytes = tape->arena->reserved_bytes;
  tape->device.base = tape->backend->alloc(tape->backend, bytes);
  if (!tape->device.base)
    return m4_fail(err, M4_MEMORY, NULL, "no %zu bytes on device %s", bytes, tape->backend->name);
  tape->device.reserved_bytes = bytes;
  tape->elements = &tape->device;
  return M4_OK;
}

m4_status ag_tape_create(ag_tape **tape, const ag_backend *backend, m4_arena *arena, m4_error *err) {
  ag_tape *t = *tape = calloc(1, sizeof *t);
  if (!t) return m4_fail(err, M4_MEMORY, NULL, "no memory for a tape");
  t->backend = backend;
  t->arena = t->elements = arena;
  m4_status status = backend->host_memory ? M4_OK : reserve_device(t, err);
  if (status == M4_OK) return M4_OK;
  ag_tape_free(t);
  *tape = NULL;
  return status;
}

void ag_tape_free(ag_tape *tape) {
  if (!tape) return;
  if (tape->device.base) tape->backend->free(tape->backend, tape->device.base);
  free(tape);
}

ag_mark ag_tape_mark(const ag_tape *tape) {
  return (ag_mark){m4_arena_mark(tape->arena), m4_arena_mark(tape->elements), tape->last};
}

void ag_tape_release(ag_tape *tape, ag_mark mark) {
  m4_arena_release(tape->elements, mark.elements);
  m4_arena_release(tape->arena, mark.arena);
  tape->last = mark.last;
}

size_t ag_tape_peak_bytes(const ag_tape *tape) {
  return tape->elements->peak_bytes;
}

const ag_backend *ag_tape_backend(const ag_tape *tape) {
  return tape->backend;
}
m4_arena *ag_tape_arena(ag_tape *tape) {
  return tape->arena;
}
void ag_tape_share(ag_tape *tape, m4_team *team) {
  tape->team = team;
}
void ag_tape_record(ag_tape *tape, bool on) {
  tape->recording = on;
}
bool ag_tape_recording(const ag_tape *tape) {
  return tape->recording;
}
void ag_tape_clear(ag_tape *tape) {
  tape->last = NULL;
}
void ag_tape_check_finite(ag_tape *tape, bool on) {
  tape->check_finite = on;
}
void ag_tape_set_rng(ag_tape *tape, ag_rng_state state) {
  tape->rng = state;
}
ag_rng_state ag_tape_rng(const ag_tape *tape) {
  return tape->rng;
}

ag_rng_state ag_take_random(ag_tape *tape, int64_t n) {
  ag_rng_state taken = tape->rng;
  tape->rng.next_index += (uint64_t)n;
  return taken;
}

/* ---- failure ---- */

m4_status ag_tape_status(const ag_tape *tape, m4_error *err) {
  if (tape->error.status == M4_OK) return ag_backend_status(tape->backend, err);
  if (err) *err = tape->error;
  return tape->error.status;
}

void ag_tape_reset_status(ag_tape *tape) {
  tape->error = (m4_error){0};
}

ag_tensor *ag_refuse(ag_tape *tape, ag_op op, const char *fmt, ...) {
  if (tape->error.status != M4_OK) return NULL;
  char text[256];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  m4_fail(&tape->error, M4_INTERNAL, NULL, "op %s: %s", ag_op_name(op), text);
  return NULL;
}

void *ag_tape_alloc(ag_tape *tape, m4_arena *arena, int64_t count, size_t size, const char *what) {
  void *memory = count < 0 ? NULL : m4_arena_alloc(arena, (size_t)count, size);
  if (memory || tape->error.status != M4_OK) return memory;
  m4_fail(&tape->error, M4_MEMORY, NULL, "%s: the arena is full (%zu of %zu bytes used, %.0f more needed)",
          what, arena->used_bytes, arena->reserved_bytes, (double)count * (double)size);
  m4_hint(&tape->error, M4_MEMORY, "shorter segments or a larger arena");
  return NULL;
}

bool ag_ready(ag_tape *tape, const ag_node *node) {
  if (tape->error.status != M4_OK) return false;
  for (int i = 0; i < ops[node->op].inputs; ++i)
    if (!node->in[i]) return ag_refuse(tape, node->op, "input %d is missing", i) != NULL;
  for (int i = 0; i < 4; ++i)
    if (node->param[i] && node->param[i]->dtype != tape->backend->dtype)
      return ag_refuse(tape, node->op, "parameter %s has another element type than the tape",
                       node->param[i]->name) != NULL;
  if (!ag_supports(tape->backend, node->op))
    return ag_refuse(tape, node->op, "backend %s has no such op", tape->backend->name) != NULL;
  return true;
}

static void check_finite(ag_tape *tape, ag_op op, const ag_tensor *tensor, const void *values,
                         const char *what) {
  if (!tape->check_finite || tape->error.status != M4_OK) return;
  if (tape->backend->all_finite(tape->backend, values, (int64_t)tensor->rows * tensor->cols)) return;
  m4_fail(&tape->error, M4_NUMERIC, NULL, "op %s: %s [%d, %d] has a value that is not finite", ag_op_name(op),
          what, tensor->rows, tensor->cols);
}

/* ---- forward ---- */

static bool carries_gradient(const ag_node *node) {
  bool any = node->table && !node->table->constant;
  for (int i = 0; i < 2; ++i) any = any || (node->in[i] && node->in[i]->needs_grad);
  for (int i = 0; i < 4; ++i) any = any || node->param[i];
  return any;
}

static void record(ag_tape *tape, const ag_node *node) {
  ag_node *kept = ag_tape_alloc(tape, tape->arena, 1, sizeof *kept, ag_op_name(node->op));
  if (!kept) return;
  *kept = *node;
  kept->previous = tape->last;
  tape->last = kept;
}

/* Computes and records; `needed` says whether a gradient may flow through. */
static void run_forward(ag_tape *tape, ag_node *node, bool needed) {
  node->backend = tape->backend;
  if (node->n_saved > 0) {
    node->saved = ag_tape_alloc(tape, tape->elements, node->n_saved, ag_element_bytes(tape->backend),
                                ag_op_name(node->op));
    if (!node->saved) return;
  }
  if (needed) record(tape, node);
  if (tape->error.status != M4_OK) return;
  int64_t begin_ns = tape->profile ? ag_profile_now_ns() : 0;
  ag_share_forward(node, tape->team);
  if (tape->profile) ag_profile_node(tape->profile, node, false, begin_ns);
}

ag_tensor *ag_apply(ag_tape *tape, ag_node *node, int32_t rows, int32_t cols) {
  bool needed = tape->recording && carries_gradient(node);
  node->out = ag_tensor_new(tape, rows, cols, needed, ag_op_name(node->op));
  if (!node->out) return NULL;
  run_forward(tape, node, needed);
  if (tape->error.status == M4_OK) check_finite(tape, node->op, node->out, node->out->data, "output");
  return tape->error.status == M4_OK ? node->out : NULL;
}

void ag_apply_in_place(ag_tape *tape, ag_node *node) {
  run_forward(tape, node, tape->recording && carries_gradient(node));
}

/* ---- backward ---- */

/* Makes sure that the inputs have gradients to add to; false when memory is out. */
static bool prepare_inputs(ag_tape *tape, const ag_node *node) {
  for (int i = 0; i < 2; ++i) {
    ag_tensor *in = node->in[i];
    if (in && in->needs_grad && !ag_tensor_grad(tape, in)) return false;
  }
  if (!node->table || node->table->constant || node->table->grad) return true;
  ag_refuse(tape, node->op, "the table [%d, %d] has no gradient: ag_table_grad first, or set constant",
            node->table->rows, node->table->cols);
  return false;
}

static void run_backward(ag_tape *tape, const ag_node *node, ag_grads *grads) {
  if (node->out && !node->out->grad) return; /* nothing flowed into it */
  if (!prepare_inputs(tape, node)) return;
  size_t mark = m4_arena_mark(tape->elements);
  void *scratch = NULL;
  if (node->n_scratch > 0) {
    scratch = ag_tape_alloc(tape, tape->elements, node->n_scratch, ag_element_bytes(tape->backend),
                            ag_op_name(node->op));
    if (!scratch) return;
  }
  int64_t begin_ns = tape->profile ? ag_profile_now_ns() : 0;
  ag_share_backward(node, grads, scratch, tape->team);
  if (tape->profile) ag_profile_node(tape->profile, node, true, begin_ns);
  m4_arena_release(tape->elements, mark);
  for (int i = 0; i < 2; ++i)
    if (node->in[i] && node->in[i]->grad)
      check_finite(tape, node->op, node->in[i], node->in[i]->grad, "gradient of an input");
  if (node->out) ag_tensor_spare_grad(tape, node->out);
}

m4_status ag_backward(ag_tape *tape, ag_grads *grads, m4_error *err) {
  for (const ag_node *node = tape->last; node && tape->error.status == M4_OK; node = node->previous)
    run_backward(tape, node, grads);
  tape->n_spares = 0;
  return ag_tape_status(tape, err);
}

static bool can_seed(ag_tape *tape, ag_tensor *tensor) {
  return tensor && tape->error.status == M4_OK && tensor->needs_grad && ag_tensor_grad(tape, tensor);
}

void ag_seed(ag_tape *tape, ag_tensor *tensor, double gradient) {
  if (can_seed(tape, tensor))
    tape->backend->add_constant(tape->backend, tensor->grad, (int64_t)tensor->rows * tensor->cols, gradient);
}

void ag_seed_values(ag_tape *tape, ag_tensor *tensor, const void *gradients) {
  if (can_seed(tape, tensor))
    tape->backend->add(tape->backend, tensor->grad, gradients, (int64_t)tensor->rows * tensor->cols);
}
