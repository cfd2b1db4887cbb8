/* One list of op cases, four uses:
 *   ag_ops test [BACKEND]  results against naive references, float32 gradients against float64
 *   ag_ops bits [BACKEND]  one number for all bits of all results and gradients
 *   ag_ops errors [BACKEND]  largest errors of all ops beside float64, at the model's width
 *   ag_ops grad          gradients against central differences, float64, relative 1e-6
 *   ag_ops perf [OP]     time and rate of every op
 *   ag_ops support [FILE]  the support table (docs/ops.md); with FILE: is it the same? */
#include "autograd/device.h"
#include "tests/autograd/cuda_on_host.h"
#include "tests/autograd/op_cases.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const ag_backend *tested; /* float32; chosen on the command line */

typedef struct op_error {
  double result, gradient;
} op_error;

static const struct {
  int32_t n, in, out;
} sizes[] = {{0, 3, 5}, {1, 1, 1}, {1, 7, 5}, {3, 1, 9}, {5, 16, 24}, {33, 17, 19}};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static int fail(ag_op op, int size, const m4_error *err) {
  printf("%s, size %d: %s\n", ag_op_name(op), size, err->what);
  return 1;
}

/* Largest difference relative to the largest expected value; a NaN anywhere is infinite. */
static double difference(const double *found, const double *expected, int64_t n) {
  double scale = 1e-30, worst = 0;
  for (int64_t i = 0; i < n; ++i) scale = fmax(scale, fabs(expected[i]));
  for (int64_t i = 0; i < n; ++i) {
    double d = fabs(found[i] - expected[i]) / scale;
    worst = d <= worst ? worst : isnan(d) ? INFINITY : d;
  }
  return worst;
}

static int64_t count(const ag_case_matrix *m) {
  return (int64_t)m->rows * m->cols;
}

static int verdict(ag_op op, int size, const char *what, double found, double limit) {
  if (found <= limit) return 0;
  printf("FAIL %-12s n %d in %d out %d: %s differs by %.3g, limit %.1g\n", ag_op_name(op), sizes[size].n,
         sizes[size].in, sizes[size].out, what, found, limit);
  return 1;
}

/* Weights of the outputs in the scalar that is differentiated; also the gradient of y. */
static double *output_weights(const ag_case_data *d, m4_arena *arena) {
  double *weights = m4_arena_alloc(arena, (size_t)count(&d->y), sizeof *weights);
  for (int64_t i = 0; i < count(&d->y); ++i) weights[i] = cos((double)(3 * i + 1));
  return weights;
}

/* ---- test ---- */

static int compare_results(ag_op op, int size, ag_case_data *d, op_run *run, double limit, m4_arena *arena) {
  double *expected = m4_arena_calloc(arena, (size_t)count(&d->y), sizeof *expected);
  double *found = m4_arena_alloc(arena, (size_t)count(&d->y), sizeof *found);
  if (run->y->rows != d->y.rows || run->y->cols != d->y.cols) {
    printf("FAIL %s: result is [%d, %d]\n", ag_op_name(op), run->y->rows, run->y->cols);
    return 1;
  }
  op_cases[op]->reference(d, expected);
  op_run_result(run, found);
  return verdict(op, size, run->backend->dtype == AG_F64 ? "float64 result" : "float32 result",
                 difference(found, expected, count(&d->y)), limit);
}

static int test_size(ag_op op, int size, m4_arena *arena) {
  m4_error err = {0};
  op_run single, wide;
  ag_case_data d = op_problem(op, sizes[size].n, sizes[size].in, sizes[size].out, arena);
  double *weights = output_weights(&d, arena);
  if (op_run_create(&single, tested, &d, &err) || op_run_create(&wide, ag_cpu_backend(AG_F64), &d, &err))
    return fail(op, size, &err);
  if (op_run_forward(&single, op, &d, true, &err) || op_run_forward(&wide, op, &d, true, &err))
    return fail(op, size, &err);
  int failures = compare_results(op, size, &d, &single, 2e-6, arena) +
                 compare_results(op, size, &d, &wide, 1e-14, arena);
  if (op_run_backward(&single, weights, &err) || op_run_backward(&wide, weights, &err))
    return fail(op, size, &err);
  for (int i = 0; i < OP_VARIED; ++i) {
    int64_t n = count(op_varied(&d, i));
    double *found = m4_arena_alloc(arena, (size_t)n, sizeof *found),
           *expected = m4_arena_alloc(arena, (size_t)n, sizeof *found);
    op_run_gradient(&single, &d, i, found);
    op_run_gradient(&wide, &d, i, expected);
    failures += verdict(op, size, "float32 gradient", difference(found, expected, n), 1e-5);
  }
  op_run_free(&single);
  op_run_free(&wide);
  return failures;
}

/* ---- grad ---- */

static double weighted_sum(op_run *run, ag_op op, ag_case_data *d, const double *weights, double *y) {
  m4_error err = {0};
  if (op_run_forward(run, op, d, false, &err)) return NAN;
  op_run_result(run, y);
  double sum = 0;
  for (int64_t i = 0; i < count(&d->y); ++i) sum += weights[i] * y[i];
  return sum;
}

static int grad_size(ag_op op, int size, m4_arena *arena) {
  const double step = 1e-5;
  m4_error err = {0};
  op_run run;
  ag_case_data d = op_problem(op, sizes[size].n, sizes[size].in, sizes[size].out, arena);
  double *weights = output_weights(&d, arena), *y = m4_arena_alloc(arena, (size_t)count(&d.y), sizeof *y);
  double *found[OP_VARIED];
  int failures = 0;
  if (op_run_create(&run, ag_cpu_backend(AG_F64), &d, &err) || op_run_forward(&run, op, &d, true, &err) ||
      op_run_backward(&run, weights, &err))
    return fail(op, size, &err);
  for (int i = 0; i < OP_VARIED; ++i) {
    found[i] = m4_arena_alloc(arena, (size_t)count(op_varied(&d, i)), sizeof(double));
    op_run_gradient(&run, &d, i, found[i]);
  }
  for (int i = 0; i < OP_VARIED; ++i) {
    ag_case_matrix *m = op_varied(&d, i);
    double *expected = m4_arena_alloc(arena, (size_t)count(m), sizeof *expected), largest = 0;
    for (int64_t k = 0; k < count(m); ++k) {
      double kept = m->values[k];
      m->values[k] = kept + step;
      double above = weighted_sum(&run, op, &d, weights, y);
      m->values[k] = kept - step;
      double below = weighted_sum(&run, op, &d, weights, y);
      m->values[k] = kept;
      expected[k] = (above - below) / (2 * step);
      largest = fmax(largest, fabs(expected[k]));
    }
    if (largest < 1e-9) /* the exact gradient is zero: differences are rounding noise */
      for (int64_t k = 0; k < count(m); ++k)
        failures += verdict(op, size, "gradient that is zero", fabs(found[i][k]), 1e-12);
    else
      failures += verdict(op, size, "gradient", difference(found[i], expected, count(m)), 1e-6);
  }
  op_run_free(&run);
  return failures;
}

static int over_all(int (*check)(ag_op, int, m4_arena *), const char *what) {
  int failures = 0;
  m4_arena arena;
  m4_error err = {0};
  if (m4_arena_init(&arena, (size_t)1 << 32, &err)) return fail(0, 0, &err);
  for (ag_op op = 0; op < AG_OP_COUNT; ++op) {
    for (int size = 0; size < N_SIZES; ++size) {
      failures += check(op, size, &arena);
      m4_arena_release(&arena, 0);
    }
  }
  m4_arena_free(&arena);
  printf("%s: %d ops x %d sizes, %d failures\n", what, AG_OP_COUNT, N_SIZES, failures);
  return failures > 0;
}

/* ---- perf ---- */

/* A device may still be at work when a call returns: reading a number makes it finish. */
static void wait_for(const op_run *run) {
  float value;
  if (!run->backend->host_memory)
    run->backend->download(run->backend, &value, run->objects.x[0]->data, sizeof value);
}

static double now_ns(void) {
  struct timespec t;
  clock_gettime(tested->host_memory ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Best of 7 batches of about 10 ms, per call. Backward includes forward and the weight-gradient products. */
static double time_ns(op_run *run, ag_op op, bool backward) {
  double best = INFINITY, batch_ns = 0;
  int repeats = 1;
  for (int batch = 0; batch < 7; batch += batch_ns >= 1e7) {
    double start = now_ns();
    for (int k = 0; k < repeats; ++k) {
      ag_mark mark = ag_tape_mark(run->tape);
      ag_tape_clear(run->tape);
      run->y = op_cases[op]->apply(run->tape, &run->lists, &run->objects);
      if (backward) {
        ag_seed(run->tape, run->y, 1);
        ag_backward(run->tape, run->grads, NULL);
        for (int i = 0; i < 2; ++i) run->objects.x[i]->grad = NULL;
      }
      ag_tape_release(run->tape, mark);
    }
    wait_for(run);
    batch_ns = now_ns() - start;
    if (batch_ns >= 1e7)
      best = fmin(best, batch_ns / repeats);
    else
      repeats *= 2;
  }
  return best;
}

static int perf(const char *only) {
  static const int32_t rows[] = {1, 4, 8, 30, 60, 120};
  m4_arena arena;
  m4_error err = {0};
  if (m4_arena_init(&arena, (size_t)1 << 32, &err)) return fail(0, 0, &err);
  printf("%-12s %5s %14s %10s %18s %10s\n", "op", "rows", "forward ns", "GFLOP/s", "with backward ns",
         "GFLOP/s");
  for (ag_op op = 0; op < AG_OP_COUNT; ++op) {
    for (size_t i = 0;
         i < sizeof rows / sizeof *rows && (!only || !strcmp(only, "all") || !strcmp(only, ag_op_name(op)));
         ++i) {
      op_run run;
      ag_case_data d = op_problem(op, rows[i], 200, 200, &arena);
      if (op_run_create(&run, tested, &d, &err) || op_run_forward(&run, op, &d, false, &err))
        return fail(op, (int)i, &err);
      double flops = op_cases[op]->flops ? op_cases[op]->flops(&d) : 0, forward = time_ns(&run, op, false);
      ag_tape_record(run.tape, true);
      double both = time_ns(&run, op, true);
      printf("%-12s %5d %14.0f %10.1f %18.0f %10.1f\n", ag_op_name(op), rows[i], forward, flops / forward,
             both, 3 * flops / both);
      op_run_free(&run);
      m4_arena_release(&arena, 0);
    }
  }
  m4_arena_free(&arena);
  return 0;
}

/* ---- bits ---- */

static uint64_t mix_bits(uint64_t hash, const double *values, int64_t n) {
  const unsigned char *bytes = (const unsigned char *)values;
  for (int64_t i = 0; i < n * (int64_t)sizeof *values; ++i)
    hash = (hash ^ bytes[i]) * 0x100000001b3u; /* FNV-1a */
  return hash;
}

static m4_status mix_op(uint64_t *hash, ag_op op, m4_arena *arena, m4_error *err) {
  op_run run;
  ag_case_data d = op_problem(op, 61, 200, 200, arena);
  M4_TRY(op_run_create(&run, tested, &d, err));
  M4_TRY(op_run_forward(&run, op, &d, true, err));
  M4_TRY(op_run_backward(&run, output_weights(&d, arena), err));
  double *values = m4_arena_alloc(arena, (size_t)count(&d.y), sizeof *values);
  op_run_result(&run, values);
  *hash = mix_bits(*hash, values, count(&d.y));
  for (int i = 0; i < OP_VARIED; ++i) {
    int64_t n = count(op_varied(&d, i));
    double *gradient = m4_arena_alloc(arena, (size_t)n, sizeof *gradient);
    op_run_gradient(&run, &d, i, gradient);
    *hash = mix_bits(*hash, gradient, n);
  }
  op_run_free(&run);
  return M4_OK;
}

/* One number that changes with any bit of any result or gradient: to compare two runs. */
static int print_bits(void) {
  uint64_t hash = 0xcbf29ce484222325u;
  m4_arena arena;
  m4_error err = {0};
  if (m4_arena_init(&arena, (size_t)1 << 32, &err)) return fail(0, 0, &err);
  for (ag_op op = 0; op < AG_OP_COUNT; ++op) {
    if (mix_op(&hash, op, &arena, &err) || ag_backend_status(tested, &err)) return fail(op, 0, &err);
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
  printf("%016llx\n", (unsigned long long)hash);
  return 0;
}

/* ---- errors ---- */

static m4_status measure_errors(op_error *worst, ag_op op, m4_arena *arena, m4_error *err) {
  op_run single, wide;
  ag_case_data d = op_problem(op, 61, 200, 200, arena);
  double *weights = output_weights(&d, arena);
  double *found = m4_arena_alloc(arena, (size_t)count(&d.y), sizeof *found),
         *expected = m4_arena_alloc(arena, (size_t)count(&d.y), sizeof *expected);
  M4_TRY(op_run_create(&single, tested, &d, err));
  M4_TRY(op_run_create(&wide, ag_cpu_backend(AG_F64), &d, err));
  M4_TRY(op_run_forward(&single, op, &d, true, err));
  M4_TRY(op_run_forward(&wide, op, &d, true, err));
  op_run_result(&single, found);
  op_run_result(&wide, expected);
  worst->result = difference(found, expected, count(&d.y));
  M4_TRY(op_run_backward(&single, weights, err));
  M4_TRY(op_run_backward(&wide, weights, err));
  for (int i = 0; i < OP_VARIED; ++i) {
    int64_t n = count(op_varied(&d, i));
    found = m4_arena_alloc(arena, (size_t)n, sizeof *found);
    expected = m4_arena_alloc(arena, (size_t)n, sizeof *expected);
    op_run_gradient(&single, &d, i, found);
    op_run_gradient(&wide, &d, i, expected);
    worst->gradient = fmax(worst->gradient, difference(found, expected, n));
  }
  op_run_free(&single);
  op_run_free(&wide);
  return ag_backend_status(tested, err);
}

static int print_errors(void) {
  m4_arena arena;
  m4_error err = {0};
  op_error all = {0};
  if (m4_arena_init(&arena, (size_t)1 << 32, &err)) return fail(0, 0, &err);
  for (ag_op op = 0; op < AG_OP_COUNT; ++op) {
    op_error worst = {0};
    if (measure_errors(&worst, op, &arena, &err)) return fail(op, 0, &err);
    printf("%-12s result %.2g gradient %.2g\n", ag_op_name(op), worst.result, worst.gradient);
    all = (op_error){fmax(all.result, worst.result), fmax(all.gradient, worst.gradient)};
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
  printf("%-12s result %.2g gradient %.2g\n", "largest", all.result, all.gradient);
  return 0;
}

/* ---- support ---- */

static void write_support(FILE *out) {
  fprintf(out,
          "# Ops and backends\n\nWritten by `ag_ops support` from the op list and the kernel tables; do not "
          "edit.\n"
          "An op counts as supported when a backend has its forward and its backward kernel. Every op has a "
          "test case:\n"
          "naive reference in float32 and float64, central differences in float64 to a relative 1e-6, at %d "
          "sizes from 0 rows on.\n\n"
          "| op | computes | cpu float32 | cpu float64 | cuda float32 |\n| --- | --- | --- | --- | --- |\n",
          N_SIZES);
  for (ag_op op = 0; op < AG_OP_COUNT; ++op) {
    fprintf(out, "| `ag_%s` | ", ag_op_name(op));
    for (const char *c = ag_op_text(op); *c; ++c) fprintf(out, *c == '|' ? "\\%c" : "%c", *c);
    fprintf(out, " | %s | %s | %s |\n", ag_supports(ag_cpu_backend(AG_F32), op) ? "yes" : "no",
            ag_supports(ag_cpu_backend(AG_F64), op) ? "yes" : "no",
            ag_supports(cuda_on_host(), op) ? "yes" : "no");
  }
}

static int check_support(const char *path) {
  char *text = NULL;
  size_t size = 0, n = 0;
  FILE *memory = open_memstream(&text, &size), *file = fopen(path, "r");
  if (!memory || !file) return fprintf(stderr, "cannot open %s\n", path), 1;
  write_support(memory);
  fclose(memory);
  char *kept = calloc(size + 2, 1);
  if (kept) n = fread(kept, 1, size + 1, file);
  fclose(file);
  bool same = kept && n == size && memcmp(kept, text, size) == 0;
  if (!same) printf("%s is out of date: ag_ops support > %s\n", path, path);
  free(kept);
  free(text);
  return !same;
}

/* "cpu" (also NULL), "cuda-on-host", or "cuda" / "cuda:N": the plug-in; then perhaps "/tf32" or "/bf16". */
static bool choose_backend(const char *name) {
  m4_error err = {0};
  char device[32];
  const char *kind = name ? strchr(name, '/') : NULL;
  tested = ag_cpu_backend(AG_F32);
  if (!name || strcmp(name, "cpu") == 0) return true;
  if (strcmp(name, "cuda-on-host") == 0) return (tested = cuda_on_host()) != NULL;
  snprintf(device, sizeof device, "%.*s", kind ? (int)(kind - name) : (int)strlen(name), name);
  if (ag_device_open_with(&tested, device, ag_gemm_named(kind ? kind + 1 : ""), NULL, &err) == M4_OK)
    return true;
  fprintf(stderr, "ag_ops: %s\n", err.what);
  return false;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : NULL;
  bool names_backend = !strcmp(mode, "test") || !strcmp(mode, "bits") || !strcmp(mode, "errors");
  const char *perf_backend = !strcmp(mode, "perf") && argc > 3 ? argv[3] : NULL;
  if (!choose_backend(names_backend ? argument : perf_backend)) return 2;
  if (!strcmp(mode, "test")) return over_all(test_size, "test");
  if (!strcmp(mode, "grad")) return over_all(grad_size, "grad");
  if (!strcmp(mode, "perf")) return perf(argument);
  if (!strcmp(mode, "bits")) return print_bits();
  if (!strcmp(mode, "errors")) return print_errors();
  if (!strcmp(mode, "support") && argument) return check_support(argument);
  if (!strcmp(mode, "support")) return write_support(stdout), 0;
  fprintf(stderr, "usage: ag_ops test [BACKEND] | bits [BACKEND] | errors [BACKEND] | grad | perf [OP|all "
                  "[BACKEND]] | support [FILE]\n");
  return 2;
}
