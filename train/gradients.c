/* Norms and clipping. Knows nn. */
#include "train/gradients.h"

#include <math.h>
#include <string.h>

static double squares(const ag_param *param, const void *gradient) {
  double sum = 0;
  for (int64_t i = 0, n = (int64_t)param->rows * param->cols; i < n; ++i) {
    double value = param->dtype == AG_F64 ? ((const double *)gradient)[i] : ((const float *)gradient)[i];
    sum += value * value;
  }
  return sum;
}

static bool is_in(const char *name, const char *const *prefixes) {
  for (; *prefixes; ++prefixes)
    if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) return true;
  return false;
}

tr_norms tr_gradient_norms(const m4_model *model, ag_grads *grads) {
  static const char *const gnn[] = {"gcn_layers.", NULL};
  static const char *const lstm[] = {"lstmcell_rate.", "lstmcell_time.", NULL};
  static const char *const link[] = {"lstmcell_rate_link.", "lstmcell_time_link.", NULL};
  const char *const *const groups[3] = {gnn, lstm, link};
  double sum[3] = {0}, all = 0;
  int count[3] = {0};
  for (int32_t p = 0; p < model->n_params; ++p) {
    double square = squares(model->params[p], ag_grads_data(grads, p));
    all += square;
    for (int group = 0; group < 3; ++group)
      if (is_in(model->params[p]->name, groups[group])) {
        sum[group] += sqrt(square);
        ++count[group];
      }
  }
  for (int group = 0; group < 3; ++group) sum[group] /= count[group] > 0 ? count[group] : 1;
  return (tr_norms){.gnn = sum[0], .lstm = sum[1], .lstm_link = sum[2], .global = sqrt(all)};
}

bool tr_clip_values(const m4_model *model, ag_grads *grads, double limit) {
  int64_t n;
  void *all = ag_grads_all(grads, &n);
  bool is_double = model->params[0]->dtype == AG_F64, clipped = false;
  for (int64_t i = 0; i < n; ++i) {
    double value = is_double ? ((double *)all)[i] : (double)((float *)all)[i];
    if (fabs(value) <= limit) continue;
    clipped = true;
    if (is_double)
      ((double *)all)[i] = copysign(limit, value);
    else
      ((float *)all)[i] = (float)copysign(limit, value);
  }
  return clipped;
}

bool tr_clip_norm(const m4_model *model, ag_grads *grads, double norm, double limit) {
  if (norm <= limit) return false;
  double factor = limit / (norm + 1e-6);
  int64_t n;
  void *all = ag_grads_all(grads, &n);
  bool is_double = model->params[0]->dtype == AG_F64;
  for (int64_t i = 0; i < n; ++i)
    if (is_double)
      ((double *)all)[i] *= factor;
    else
      ((float *)all)[i] *= (float)factor;
  return true;
}
