/* Norms and clipping. Knows nn. */
#include "train/gradients.h"

#include "autograd/update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_in(const char *name, const char *const *prefixes) {
  for (; *prefixes; ++prefixes)
    if (strncmp(name, *prefixes, strlen(*prefixes)) == 0) return true;
  return false;
}

/* square [n_params]: of every parameter's gradient. */
static tr_norms norms_of(const m4_model *model, const double *square) {
  static const char *const gnn[] = {"gcn_layers.", NULL};
  static const char *const lstm[] = {"lstmcell_rate.", "lstmcell_time.", NULL};
  static const char *const link[] = {"lstmcell_rate_link.", "lstmcell_time_link.", NULL};
  const char *const *const groups[3] = {gnn, lstm, link};
  double sum[3] = {0}, all = 0;
  int count[3] = {0};
  for (int32_t p = 0; p < model->n_params; ++p) {
    all += square[p];
    for (int group = 0; group < 3; ++group)
      if (is_in(model->params[p]->name, groups[group])) {
        sum[group] += sqrt(square[p]);
        ++count[group];
      }
  }
  for (int group = 0; group < 3; ++group) sum[group] /= count[group] > 0 ? count[group] : 1;
  return (tr_norms){.gnn = sum[0], .lstm = sum[1], .lstm_link = sum[2], .global = sqrt(all)};
}

m4_status tr_gradient_norms(tr_norms *norms, const m4_model *model, const ag_grads *grads, m4_error *err) {
  double *square = calloc((size_t)model->n_params, sizeof *square);
  if (!square) return m4_fail(err, M4_MEMORY, NULL, "no memory for the norms of gradients");
  ag_grads_squares(grads, square);
  *norms = norms_of(model, square);
  free(square);
  return M4_OK;
}

bool tr_clip_norm(ag_grads *grads, double norm, double limit) {
  if (norm <= limit) return false;
  ag_grads_scale(grads, limit / (norm + 1e-6));
  return true;
}
