/* The parameters of the model: names, shapes and order (model.md 2). Knows autograd; computes nothing. */
#include "nn/m4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WIDTH = 1 << 15, MAX_LAYERS = 256, PARAMS_PER_SAGE = 7, PARAMS_PER_GRU = 4, PARAMS_PER_HEAD = 4 };

m4_widths m4_default_widths(void) {
  return (m4_widths){.hidden = 200,
                     .gcn_hidden = 300,
                     .gcn_layers = 3,
                     .head_hidden = 200,
                     .aux_hidden = 200,
                     .has_size_head = true,
                     .has_queue_head = true};
}

/* Adds parameters one after another; after the first failure nothing happens any more. */
typedef struct builder {
  m4_model *model;
  m4_status status;
  m4_error *err;
} builder;

static ag_param *add(builder *build, const char *prefix, const char *name, int32_t rows, int32_t cols) {
  if (build->status != M4_OK) return NULL;
  m4_model *model = build->model;
  ag_param *param = calloc(1, sizeof *param);
  if (!param) {
    build->status = m4_fail(build->err, M4_MEMORY, NULL, "no memory for parameter %s%s", prefix, name);
    return NULL;
  }
  char full_name[sizeof param->name];
  snprintf(full_name, sizeof full_name, "%s%s", prefix, name);
  build->status = ag_param_init(param, model->backend, full_name, rows, cols, build->err);
  if (build->status != M4_OK) {
    free(param);
    return NULL;
  }
  model->params[model->n_params++] = param;
  return param;
}

static m4_gru add_gru(builder *build, const char *prefix, int32_t in) {
  int32_t hidden = build->model->widths.hidden;
  m4_gru gru;
  gru.weight_x = add(build, prefix, "weight_ih", in, 3 * hidden);
  gru.weight_h = add(build, prefix, "weight_hh", hidden, 3 * hidden);
  gru.bias_x = add(build, prefix, "bias_ih", 1, 3 * hidden);
  gru.bias_h = add(build, prefix, "bias_hh", 1, 3 * hidden);
  return gru;
}

static m4_head add_head(builder *build, const char *prefix, int32_t in, int32_t middle) {
  m4_head head;
  head.weight1 = add(build, prefix, "0.weight", in, middle);
  head.bias1 = add(build, prefix, "0.bias", 1, middle);
  head.weight2 = add(build, prefix, "3.weight", middle, 1);
  head.bias2 = add(build, prefix, "3.bias", 1, 1);
  return head;
}

static m4_sage add_sage(builder *build, int32_t layer) {
  const m4_widths *w = &build->model->widths;
  int32_t in = layer == 0 ? w->hidden : w->gcn_hidden;
  int32_t out = layer == w->gcn_layers - 1 ? w->hidden : w->gcn_hidden;
  char prefix[64];
  snprintf(prefix, sizeof prefix, "gcn_layers.%d.homogeneous_layer.", (int)layer);
  m4_sage sage;
  sage.project = add(build, prefix, "conv.lin.weight", in, in);
  sage.project_bias = add(build, prefix, "conv.lin.bias", 1, in);
  sage.neighbour = add(build, prefix, "conv.lin_l.weight", in, out);
  sage.neighbour_bias = add(build, prefix, "conv.lin_l.bias", 1, out);
  sage.root = add(build, prefix, "conv.lin_r.weight", in, out);
  sage.norm_gain = add(build, prefix, "norm.weight", 1, out);
  sage.norm_bias = add(build, prefix, "norm.bias", 1, out);
  return sage;
}

static void add_flow_grus(builder *build) {
  m4_model *model = build->model;
  if (model->widths.without_gru) return;
  int32_t in = model->widths.hidden + M4_N_PARAMS + model->widths.n_fluid;
  model->flow_rate = add_gru(build, "lstmcell_rate.seq_cell.", in);
  model->flow_time = add_gru(build, "lstmcell_time.seq_cell.", 1);
}

static void add_link_grus(builder *build) {
  m4_model *model = build->model;
  if (model->widths.without_gru || model->widths.without_link_state) return;
  model->link_rate = add_gru(build, "lstmcell_rate_link.seq_cell.", model->widths.hidden);
  model->link_time = add_gru(build, "lstmcell_time_link.seq_cell.", 1);
}

static m4_status add_all(m4_model *model, m4_error *err) {
  builder build = {.model = model, .err = err};
  int32_t hidden = model->widths.hidden;
  add_flow_grus(&build);
  model->fct_head = add_head(&build, "output_layer.", M4_N_FACTS + model->widths.n_fluid + hidden,
                             model->widths.head_hidden);
  for (int32_t i = 0; i < model->widths.gcn_layers; i++) model->sage[i] = add_sage(&build, i);
  add_link_grus(&build);
  if (model->widths.has_size_head)
    model->size_head = add_head(&build, "remain_size_layer.", hidden, model->widths.aux_hidden);
  if (model->widths.has_queue_head)
    model->queue_head = add_head(&build, "queue_len_layer.", hidden, model->widths.aux_hidden);
  return build.status;
}

static m4_status check_width(const char *name, int32_t value, int32_t least, int32_t most, m4_error *err) {
  if (value >= least && value <= most) return M4_OK;
  return m4_fail(err, M4_DATA, NULL, "%s is %d, must be between %d and %d", name, (int)value, (int)least,
                 (int)most);
}

static m4_status check_widths(const m4_widths *w, m4_error *err) {
  M4_TRY(check_width("hidden_size", w->hidden, 4, MAX_WIDTH, err));
  M4_TRY(check_width("gcn_hidden_size", w->gcn_hidden, 1, MAX_WIDTH, err));
  M4_TRY(check_width("gcn_n_layer", w->gcn_layers, 0, MAX_LAYERS, err));
  if (w->gcn_layers == 0 && w->without_gru)
    return m4_fail(err, M4_DATA, NULL, "a model without graph layers and without GRUs computes nothing");
  M4_TRY(check_width("middle width of the FCT head", w->head_hidden, 1, MAX_WIDTH, err));
  if (w->n_fluid != 0 && w->n_fluid != M4_N_FLUID)
    return m4_fail(err, M4_DATA, NULL, "the FCT head has %d inputs more than expected, must be 0 or %d",
                   (int)w->n_fluid, (int)M4_N_FLUID);
  if (w->has_size_head || w->has_queue_head)
    M4_TRY(check_width("middle width of the auxiliary heads", w->aux_hidden, 1, MAX_WIDTH, err));
  return M4_OK;
}

m4_status m4_model_create(m4_model **result, m4_widths widths, const ag_backend *backend, m4_error *err) {
  *result = NULL;
  M4_TRY(check_widths(&widths, err));
  m4_model *model = calloc(1, sizeof *model);
  if (!model) return m4_fail(err, M4_MEMORY, NULL, "no memory for a model");
  model->widths = widths;
  model->backend = backend;
  size_t most_params = 4 * PARAMS_PER_GRU + 3 * PARAMS_PER_HEAD + (size_t)widths.gcn_layers * PARAMS_PER_SAGE;
  model->params = calloc(most_params, sizeof *model->params);
  model->sage = calloc((size_t)widths.gcn_layers + 1, sizeof *model->sage); /* never of size 0 */
  m4_status status = M4_OK;
  if (!model->params || !model->sage) status = m4_fail(err, M4_MEMORY, NULL, "no memory for a model");
  if (status == M4_OK) status = add_all(model, err);
  if (status != M4_OK) {
    m4_model_free(model);
    return status;
  }
  *result = model;
  return M4_OK;
}

void m4_model_free(m4_model *model) {
  if (!model) return;
  for (int32_t i = 0; i < model->n_params; i++) {
    ag_param_free(model->params[i], model->backend);
    free(model->params[i]);
  }
  free(model->params);
  free(model->sage);
  free(model);
}

int64_t m4_model_count(const m4_model *model) {
  int64_t count = 0;
  for (int32_t i = 0; i < model->n_params; i++)
    count += (int64_t)model->params[i]->rows * model->params[i]->cols;
  return count;
}
