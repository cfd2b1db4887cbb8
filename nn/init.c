/* Parameter initialisation. Knows m4.h and Philox. Source: model.md 4. */
#include "nn/init.h"

#include "base/philox.h"

#include <math.h>

static uint32_t number_of(const m4_model *model, const ag_param *param) {
  uint32_t number = 0;
  while (model->params[number] != param) ++number;
  return number;
}

/* value(arg, i) for every element i. */
static void fill(const m4_model *model, ag_param *param, float (*value)(const void *arg, int64_t i),
                 const void *arg) {
  enum { CHUNK = 1024 };
  float chunk[CHUNK];
  int64_t count = (int64_t)param->rows * param->cols;
  for (int64_t first = 0; first < count; first += CHUNK) {
    int64_t n = count - first < CHUNK ? count - first : CHUNK;
    for (int64_t k = 0; k < n; ++k) chunk[k] = value(arg, first + k);
    ag_param_put(param, model->backend, first, n, chunk);
  }
}

typedef struct draw {
  uint64_t seed;
  uint32_t stream;
  double bound;
} draw;

static float drawn(const void *arg, int64_t i) {
  const draw *d = arg;
  return (float)(d->bound * (2.0 * m4_random_uniform(d->seed, M4_RNG_INIT, d->stream, (uint64_t)i) - 1.0));
}

static float itself(const void *arg, int64_t i) {
  (void)i;
  return *(const float *)arg;
}

/* U(-1/sqrt(fan), 1/sqrt(fan)); the stream is the parameter's number, the index the element's place. */
static void uniform(m4_model *model, uint64_t seed, ag_param *param, int32_t fan) {
  fill(model, param, drawn, &(draw){seed, number_of(model, param), 1.0 / sqrt((double)fan)});
}

static void constant(const m4_model *model, ag_param *param, float value) {
  fill(model, param, itself, &value);
}

static void init_linear(m4_model *model, uint64_t seed, ag_param *weight, ag_param *bias) {
  uniform(model, seed, weight, weight->rows);
  uniform(model, seed, bias, weight->rows);
}

static void init_gru(m4_model *model, uint64_t seed, const m4_gru *gru) {
  if (!gru->weight_x) return;
  ag_param *const tensors[] = {gru->weight_x, gru->weight_h, gru->bias_x, gru->bias_h};
  for (int i = 0; i < 4; ++i) uniform(model, seed, tensors[i], model->widths.hidden);
}

static void init_head(m4_model *model, uint64_t seed, const m4_head *head) {
  init_linear(model, seed, head->weight1, head->bias1);
  init_linear(model, seed, head->weight2, head->bias2);
}

static void init_sage(m4_model *model, uint64_t seed, const m4_sage *layer) {
  init_linear(model, seed, layer->project, layer->project_bias);
  init_linear(model, seed, layer->neighbour, layer->neighbour_bias);
  uniform(model, seed, layer->root, layer->root->rows);
  constant(model, layer->norm_gain, 1.0f);
  constant(model, layer->norm_bias, 0.0f);
}

void m4_model_init(m4_model *model, uint64_t seed) {
  init_gru(model, seed, &model->flow_rate);
  init_gru(model, seed, &model->flow_time);
  init_gru(model, seed, &model->link_rate);
  init_gru(model, seed, &model->link_time);
  for (int32_t i = 0; i < model->widths.gcn_layers; ++i) init_sage(model, seed, &model->sage[i]);
  init_head(model, seed, &model->fct_head);
  if (model->widths.has_size_head) init_head(model, seed, &model->size_head);
  if (model->widths.has_queue_head) init_head(model, seed, &model->queue_head);
  for (int32_t i = 0; i < model->n_params; ++i) ag_param_refresh(model->params[i], model->backend);
}
