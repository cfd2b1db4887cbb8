/* bench_rates: which share of a core's matrix product rate a simulated event of the full-size model reaches
 * (event and readout of every active flow, products counted only), beside the event's own products done by
 * OpenBLAS and by our kernel with nothing in between, and the best rate of either. One thread, processor
 * time. Not a test. */
#include "autograd/cpu/kernels.h"
#include "nn/init.h"
#include "nn/m4.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BEST_OF = 12, MOST_NODES = 120, MOST_WIDTH = 600, HOPS = 4, LARGE = 500 };

typedef void (*product_fn)(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c);

static void own(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c) {
  ag_gemm_f32(m, n, k, a, k, b, n, false, c, n);
}

static void blas(int32_t m, int32_t n, int32_t k, const float *a, const float *b, float *c) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the products of an event ---- */

typedef struct product {
  int32_t rows;
  const ag_param *weight;
} product;

typedef struct product_list {
  product items[32];
  int n;
} product_list;

static void add(product_list *list, int32_t rows, const ag_param *weight) {
  if (weight->rows > 1) list->items[list->n++] = (product){rows, weight}; /* a single column is no product */
}

static product_list products_of(const m4_model *model, int32_t flows, int32_t links) {
  product_list list = {.n = 0};
  const m4_gru *cells[] = {&model->flow_time, &model->flow_rate, &model->link_time, &model->link_rate};
  for (int i = 0; i < 4; ++i) {
    add(&list, i < 2 ? flows : links, cells[i]->weight_x);
    add(&list, i < 2 ? flows : links, cells[i]->weight_h);
  }
  for (int32_t i = 0; i < model->widths.gcn_layers; ++i) {
    add(&list, flows + links, model->sage[i].project);
    add(&list, flows + links, model->sage[i].neighbour);
    add(&list, flows + links, model->sage[i].root);
  }
  add(&list, flows, model->fct_head.weight1);
  add(&list, flows, model->fct_head.weight2);
  return list;
}

static double flops_of(const product_list *list) {
  double flops = 0;
  for (int i = 0; i < list->n; ++i)
    flops += 2.0 * list->items[i].rows * list->items[i].weight->rows * (double)list->items[i].weight->cols;
  return flops;
}

/* ---- an event in memory of its own ---- */

typedef struct bench {
  const m4_model *model;
  m4_arena arena;
  ag_tape *tape;
  m4_state state;
  m4_event_data event;
  int32_t rows[MOST_NODES], offset[MOST_NODES + 1], index[2 * HOPS * MOST_NODES];
  product_list products;
  float *a, *c; /* scratch of bare products */
} bench;

/* Flow i crosses the links i, i + 1, ... */
static void connect(bench *b, int32_t flows, int32_t links) {
  int32_t next = 0;
  for (int32_t i = 0; i < flows; ++i) {
    b->rows[i] = i;
    b->offset[i] = next;
    for (int32_t hop = 0; hop < HOPS; ++hop) b->index[next++] = flows + (i + hop) % links;
  }
  for (int32_t link = 0; link < links; ++link) {
    b->rows[flows + link] = link;
    b->offset[flows + link] = next;
    for (int32_t i = 0; i < flows; ++i)
      for (int32_t hop = 0; hop < HOPS; ++hop)
        if ((i + hop) % links == link) b->index[next++] = i;
  }
  b->offset[flows + links] = next;
  b->event = (m4_event_data){.n_flows = flows,
                             .n_links = links,
                             .n_edges = flows * HOPS,
                             .flow_rows = b->rows,
                             .link_rows = b->rows + flows,
                             .neighbour_offset = b->offset,
                             .neighbour_index = b->index,
                             .dt_us = 1};
}

static m4_status open_bench(bench *b, const m4_model *model, int32_t flows, int32_t links, m4_error *err) {
  *b = (bench){.model = model, .products = products_of(model, flows, links)};
  connect(b, flows, links);
  M4_TRY(m4_arena_init(&b->arena, (size_t)1 << 28, err));
  M4_TRY(ag_tape_create(&b->tape, model->backend, &b->arena, err));
  M4_TRY(m4_state_create(&b->state, model, &b->arena, flows, links, err));
  float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  for (int32_t i = 0; i < flows; ++i) m4_state_init_flow(&b->state, model, i, 5, HOPS, params);
  for (int32_t i = 0; i < links; ++i) m4_state_init_link(&b->state, model, i);
  b->a = m4_arena_calloc(&b->arena, LARGE * MOST_WIDTH, sizeof *b->a);
  b->c = m4_arena_calloc(&b->arena, LARGE * MOST_WIDTH, sizeof *b->c);
  return b->a && b->c ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for products");
}

static void close_bench(bench *b) {
  ag_tape_free(b->tape);
  m4_arena_free(&b->arena);
}

static void run_event(bench *b) {
  ag_mark mark = ag_tape_mark(b->tape);
  m4_event(b->model, b->tape, &b->state, &b->event, 0, NULL);
  m4_readout(b->model, b->tape, &b->state, b->event.flow_rows, b->event.n_flows, NULL, 0);
  ag_tape_release(b->tape, mark);
}

static void run_products(bench *b, product_fn multiply) {
  for (int i = 0; i < b->products.n; ++i) {
    const product *p = &b->products.items[i];
    multiply(p->rows, p->weight->cols, p->weight->rows, b->a, p->weight->data, b->c);
  }
}

/* Best of some rounds of about 20 ms; multiply NULL: the event. In flop per ns. */
static double rate(bench *b, product_fn multiply) {
  double flops = flops_of(&b->products), best = INFINITY;
  int repeats = 1 + (int)(2e9 / flops);
  for (int round = 0; round < BEST_OF; ++round) {
    double start = seconds_now();
    for (int i = 0; i < repeats; ++i) {
      if (multiply)
        run_products(b, multiply);
      else
        run_event(b);
    }
    best = fmin(best, (seconds_now() - start) / repeats);
  }
  return 1e-9 * flops / best;
}

/* The best that a core does: many rows at a time. */
static double best_rate(bench *b, product_fn multiply) {
  const m4_model *model = b->model;
  product_list usual = b->products;
  b->products = (product_list){.n = 0};
  for (int32_t i = 0; i < model->widths.gcn_layers; ++i) add(&b->products, LARGE, model->sage[i].neighbour);
  double best = rate(b, multiply);
  b->products = usual;
  return best;
}

static m4_status bench_nodes(const m4_model *model, int32_t flows, int32_t links, m4_error *err) {
  static bench b;
  M4_TRY(open_bench(&b, model, flows, links, err));
  double blas_best = best_rate(&b, blas), own_best = best_rate(&b, own);
  double event = rate(&b, NULL), by_blas = rate(&b, blas), by_own = rate(&b, own);
  M4_TRY(ag_tape_status(b.tape, err));
  printf("%4d nodes (%2d flows): %6.3f ms/event  %4.0f GFLOP/s = %3.0f %% of OpenBLAS's best (%3.0f), %3.0f "
         "%% of "
         "ours (%3.0f); its products alone: OpenBLAS %3.0f, ours %3.0f\n",
         (int)(flows + links), (int)flows, 1e-6 * flops_of(&b.products) / event, event,
         100 * event / blas_best, blas_best, 100 * event / own_best, own_best, by_blas, by_own);
  close_bench(&b);
  return M4_OK;
}

int main(void) {
  static const int32_t sizes[][2] = {{4, 8}, {25, 35}, {55, 65}};
  m4_model *model;
  m4_error err = {0};
  openblas_set_num_threads(1);
  m4_status status = m4_model_create(&model, m4_default_widths(), ag_cpu_backend(AG_F32), &err);
  if (status == M4_OK) {
    m4_model_init(model, 1);
    for (size_t i = 0; status == M4_OK && i < sizeof sizes / sizeof *sizes; ++i)
      status = bench_nodes(model, sizes[i][0], sizes[i][1], &err);
    m4_model_free(model);
  }
  if (status != M4_OK) fprintf(stderr, "bench_rates: error: %s\n", err.what);
  return m4_exit_code(status);
}
