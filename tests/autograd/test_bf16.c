/* Products in bfloat16: exact where rounding changes nothing, within the rounding of the factors elsewhere,
 * and the same bits for a row whatever is computed with it. */
#include "autograd/backend.h"
#include "base/philox.h"
#include "tests/autograd/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Roundings of both factors, 2^-8 each. */
static const double RELATIVE_ERROR = 1.01 * 0x1p-7;

typedef struct shape {
  int32_t n, in, out;
} shape;
static const shape shapes[] = {{1, 2, 2},      {3, 13, 17},   {5, 24, 16},   {12, 129, 31}, {13, 213, 600},
                               {30, 300, 300}, {55, 200, 48}, {97, 257, 33}, {130, 66, 65}, {193, 300, 200}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

typedef struct problem {
  const ag_backend *backend;
  m4_arena arena;
  ag_tape *tape;
  ag_param weight;
  float *x, *dy; /* [n, in], [n, out] */
} problem;

/* integers: -4 .. 4, which bfloat16 holds, with sums that float holds. */
static void fill(float *values, int64_t count, uint64_t seed, bool integers) {
  m4_rng rng = m4_rng_make(seed, M4_RNG_TEST, 0);
  for (int64_t i = 0; i < count; ++i)
    values[i] = integers ? (float)((int)m4_rng_below(&rng, 9) - 4) : (float)(2 * m4_rng_uniform(&rng) - 1);
}

static void open_problem(problem *p, const shape *s, bool integers) {
  memset(p, 0, sizeof *p);
  p->backend = ag_cpu_bf16_backend();
  assert_int_equal(m4_arena_init(&p->arena, 1 << 26, NULL), M4_OK);
  assert_int_equal(ag_tape_create(&p->tape, p->backend, &p->arena, NULL), M4_OK);
  assert_int_equal(ag_param_init(&p->weight, p->backend, "weight", s->in, s->out, NULL), M4_OK);
  fill(p->weight.data, (int64_t)s->in * s->out, 1, integers);
  ag_param_refresh(&p->weight, p->backend);
  p->x = malloc((size_t)s->n * (size_t)s->in * sizeof *p->x);
  p->dy = malloc((size_t)s->n * (size_t)s->out * sizeof *p->dy);
  fill(p->x, (int64_t)s->n * s->in, 2, integers);
  fill(p->dy, (int64_t)s->n * s->out, 3, integers);
}

static void close_problem(problem *p) {
  free(p->x);
  free(p->dy);
  ag_param_free(&p->weight, p->backend);
  ag_tape_free(p->tape);
  m4_arena_free(&p->arena);
}

/* c [m, n] = a b by definition; bound: sum of |a b|. Element (i, k) of a is a[i * a_row + k * a_step]. */
static void assert_product(const float *c, const float *a, int32_t a_row, int32_t a_step, const float *b,
                           int32_t b_row, int32_t b_step, shape s, bool exact) {
  for (int32_t i = 0; i < s.n; ++i)
    for (int32_t j = 0; j < s.out; ++j) {
      double sum = 0, bound = 0;
      for (int32_t k = 0; k < s.in; ++k) {
        double term = (double)a[i * a_row + k * a_step] * (double)b[k * b_row + j * b_step];
        sum += term;
        bound += fabs(term);
      }
      double error = fabs((double)c[i * s.out + j] - sum);
      if (exact ? error != 0 : error > RELATIVE_ERROR * bound)
        fail_msg("[%d, %d] x [%d, %d]: element %d, %d is off by %g of %g", s.n, s.in, s.in, s.out, i, j,
                 error, bound);
    }
}

static void products_are_as_exact_as_their_factors(void **state) {
  (void)state;
  for (int i = 0; i < 2 * N_SHAPES; ++i) {
    const shape s = shapes[i / 2];
    bool integers = i % 2;
    problem p;
    ag_grads *grads;
    ag_param *params[] = {&p.weight};
    open_problem(&p, &s, integers);
    assert_int_equal(ag_grads_create(&grads, p.backend, params, 1, NULL), M4_OK);
    ag_tape_record(p.tape, true);
    ag_tensor *x = ag_input(p.tape, s.n, s.in, p.x);
    x->needs_grad = true;
    ag_tensor *y = ag_linear(p.tape, x, &p.weight, NULL);
    assert_product(y->data, p.x, s.in, 1, p.weight.data, s.out, 1, s, integers);
    ag_seed(p.tape, y, 0);
    memcpy(y->grad, p.dy, (size_t)s.n * (size_t)s.out * sizeof(float));
    assert_int_equal(ag_backward(p.tape, grads, NULL), M4_OK);
    ag_grads_finish(grads);
    assert_product(x->grad, p.dy, s.out, 1, p.weight.data, 1, s.out, (shape){s.n, s.out, s.in}, integers);
    assert_product(ag_grads_data(grads, 0), p.x, 1, s.in, p.dy, s.out, 1, (shape){s.in, s.n, s.out},
                   integers);
    ag_grads_free(grads);
    close_problem(&p);
  }
}

/* Rows first .. first+n-1 alone against the same rows among all. */
static void rows_do_not_know_each_other(void **state) {
  (void)state;
  const shape s = {150, 213, 50};
  problem p;
  open_problem(&p, &s, false);
  const float *all = ag_linear(p.tape, ag_input(p.tape, s.n, s.in, p.x), &p.weight, NULL)->data;
  for (int32_t n = 1; n < 140; n += 7)
    for (int32_t first = 0; first + n <= s.n; first += 11) {
      const ag_tensor *some =
          ag_linear(p.tape, ag_input(p.tape, n, s.in, p.x + first * s.in), &p.weight, NULL);
      assert_memory_equal(some->data, all + first * s.out, (size_t)(n * s.out) * sizeof(float));
    }
  assert_int_equal(ag_tape_status(p.tape, NULL), M4_OK);
  close_problem(&p);
}

static void parts_of_a_gradient_are_the_gradient(void **state) {
  (void)state;
  const shape s = {300, 213, 90};
  problem p;
  size_t bytes = (size_t)(s.in * s.out) * sizeof(float);
  float *whole = calloc(1, bytes), *parts = calloc(1, bytes);
  open_problem(&p, &s, false);
  p.backend->add_product(p.backend, whole, p.x, p.dy, s.n, s.in, s.out);
  for (int32_t first = 0; first < s.in; first += 25)
    if (p.backend->add_product_rows)
      p.backend->add_product_rows(p.backend, parts, p.x, p.dy, s.n, s.in, s.out, first,
                                  first + 25 < s.in ? first + 25 : s.in);
  if (p.backend->add_product_rows) assert_memory_equal(parts, whole, bytes);
  free(whole);
  free(parts);
  close_problem(&p);
}

static void every_op_is_there(void **state) {
  (void)state;
  for (int op = 0; op < AG_OP_COUNT; ++op)
    if (!ag_supports(ag_cpu_bf16_backend(), (ag_op)op)) fail_msg("no %s", ag_op_name((ag_op)op));
}

int main(void) {
  if (!ag_cpu_bf16_backend()) {
    printf("skipped: this CPU or compiler has no AVX512-BF16\n");
    return 0;
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(products_are_as_exact_as_their_factors),
      cmocka_unit_test(rows_do_not_know_each_other),
      cmocka_unit_test(parts_of_a_gradient_are_the_gradient),
      cmocka_unit_test(every_op_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
