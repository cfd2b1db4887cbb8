/* Counts the weights that an event multiplies with; see m4_cost.h. */
#include "nn/m4_cost.h"

static double weights(const ag_param *matrix) {
  return matrix ? (double)matrix->rows * (double)matrix->cols : 0;
}

static double gru(const m4_gru *cell) {
  return weights(cell->weight_x) + weights(cell->weight_h);
}

m4_cost m4_cost_of(const m4_model *model) {
  double graph = 0;
  for (int32_t i = 0; i < model->widths.gcn_layers; i++)
    graph +=
        weights(model->sage[i].project) + weights(model->sage[i].neighbour) + weights(model->sage[i].root);
  return (m4_cost){.per_flow = graph + gru(&model->flow_time) + gru(&model->flow_rate) +
                               weights(model->fct_head.weight1) + weights(model->fct_head.weight2),
                   .per_link = graph + gru(&model->link_time) + gru(&model->link_rate)};
}
