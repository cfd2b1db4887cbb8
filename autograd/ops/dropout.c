/* Inverted dropout. Element number e of a training step is kept when its 32 random bits reach p * 2^32: word
 * e % 4 of Philox block e / 4, counter {e / 4 low, e / 4 high, step, M4_RNG_DROPOUT}, key seed. Nothing but
 * the number of the next element is state. */
#include "autograd/backend.h"
#include "autograd/op_case.h"
#include "base/philox.h"

#if !defined ag_real && !defined AG_CASES /* ---- shape rule ---- */

ag_tensor *ag_dropout(ag_tape *tape, ag_tensor *x, double p) {
  ag_node node = {.op = AG_OP_dropout, .in = {x}, .factor = p};
  if (!ag_ready(tape, &node)) return NULL;
  if (!(p >= 0 && p < 1)) return ag_refuse(tape, node.op, "p is %g, must be in [0, 1)", p);
  if (p == 0) return x;
  node.n_saved = (int64_t)x->rows * x->cols; /* the factor of each element: 0 or 1 / (1 - p) */
  node.rng = ag_take_random(tape, node.n_saved);
  return ag_apply(tape, &node, x->rows, x->cols);
}

static void random_block(ag_rng_state rng, uint64_t block, uint32_t words[4]) {
  const uint32_t key[2] = {(uint32_t)rng.seed, (uint32_t)(rng.seed >> 32)};
  const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), rng.step, M4_RNG_DROPOUT};
  m4_philox4x32(counter, key, words);
}

#define AG_KERNELS "autograd/ops/dropout.c"
#include "autograd/cpu/each_type.h"

#elif defined ag_real /* ---- CPU kernels ---- */

void AG_T(dropout_forward)(const ag_node *node) {
  const ag_real *x = node->in[0]->data;
  ag_real *factors = node->saved, *y = node->out->data;
  int64_t n = node->n_saved;
  uint64_t first = node->rng.next_index;
  uint32_t words[4], threshold = (uint32_t)(node->factor * 0x1p32);
  ag_real kept = (ag_real)(1.0 / (1.0 - node->factor));
  if (first % 4 != 0) random_block(node->rng, first / 4, words);
  for (int64_t i = 0; i < n; ++i) {
    uint64_t number = first + (uint64_t)i;
    if (number % 4 == 0) random_block(node->rng, number / 4, words);
    factors[i] = words[number % 4] >= threshold ? kept : 0;
  }
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factors[i];
}

void AG_T(dropout_backward)(const ag_node *node, ag_grads *grads, void *scratch) {
  (void)grads, (void)scratch;
  const ag_real *restrict dy = node->out->grad, *restrict factors = node->saved;
  ag_real *restrict dx = node->in[0]->grad;
  int64_t n = dx ? node->n_saved : 0;
  for (int64_t i = 0; i < n; ++i) dx[i] += dy[i] * factors[i];
}

#else /* ---- test cases ---- */

static void dropout_shape(ag_case_data *d) {
  d->x[0] = d->y = ag_case_shape(d->n, d->out);
}

static ag_tensor *dropout_apply(ag_tape *tape, const ag_case_data *d, const ag_case_objects *o) {
  (void)d;
  ag_tape_set_rng(tape, AG_CASE_RNG);
  return ag_dropout(tape, o->x[0], 0.25);
}

static void dropout_reference(const ag_case_data *d, double *y) {
  for (int32_t i = 0; i < d->n * d->out; ++i) {
    uint64_t number = AG_CASE_RNG.next_index + (uint64_t)i;
    uint32_t counter[4] = {(uint32_t)(number / 4), 0, AG_CASE_RNG.step, M4_RNG_DROPOUT},
             key[2] = {AG_CASE_RNG.seed, 0}, words[4];
    m4_philox4x32(counter, key, words);
    y[i] = words[number % 4] / 0x1p32 < 0.25 ? 0 : d->x[0].values[i] / 0.75;
  }
}

static const ag_case case_dropout = {dropout_shape, dropout_apply, dropout_reference, NULL};

#endif
