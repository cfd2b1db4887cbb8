/* Copies of a model on other devices. */
#include "train/replicas.h"

#include "autograd/memory.h"

#include <stdlib.h>

struct tr_replicas {
  const m4_model *first;
  m4_model **others; /* [n_others] */
  int n_others;
  float *values; /* of the largest parameter, on its way */
  bool changed;
};

static size_t param_bytes(const ag_param *param) {
  return (size_t)param->rows * (size_t)param->cols * sizeof(float);
}

static m4_status make_copies(tr_replicas *r, const ag_backend *const *others, m4_error *err) {
  const m4_model *first = r->first;
  size_t largest = 0;
  for (int32_t p = 0; p < first->n_params; ++p)
    if (param_bytes(first->params[p]) > largest) largest = param_bytes(first->params[p]);
  r->values = calloc(1, largest);
  r->others = calloc((size_t)r->n_others, sizeof *r->others);
  if (!r->values || !r->others) return m4_fail(err, M4_MEMORY, NULL, "no memory for copies of the model");
  for (int d = 0; d < r->n_others; ++d) {
    M4_TRY(m4_model_create(&r->others[d], first->widths, others[d], err));
    r->others[d]->size_feature = first->size_feature;
    r->others[d]->input_form = first->input_form;
  }
  return M4_OK;
}

m4_status tr_replicas_create(tr_replicas **replicas, const m4_model *model, const ag_backend *const *others,
                             int n_others, m4_error *err) {
  tr_replicas *r = *replicas = calloc(1, sizeof *r);
  if (!r) return m4_fail(err, M4_MEMORY, NULL, "no memory for copies of the model");
  r->first = model;
  r->n_others = n_others;
  r->changed = true;
  m4_status status = n_others > 0 ? make_copies(r, others, err) : M4_OK;
  if (status == M4_OK) return M4_OK;
  tr_replicas_free(r);
  *replicas = NULL;
  return status;
}

void tr_replicas_free(tr_replicas *r) {
  if (!r) return;
  for (int d = 0; r->others && d < r->n_others; ++d) m4_model_free(r->others[d]);
  free(r->others);
  free(r->values);
  free(r);
}

int tr_replicas_count(const tr_replicas *r) {
  return 1 + r->n_others;
}

const m4_model *tr_replicas_model(const tr_replicas *r, int device) {
  return device == 0 ? r->first : r->others[device - 1];
}

void tr_replicas_changed(tr_replicas *r) {
  r->changed = true;
}

m4_status tr_replicas_refresh(tr_replicas *r, m4_error *err) {
  if (!r->changed || r->n_others == 0) return M4_OK;
  for (int32_t p = 0; p < r->first->n_params; ++p) {
    const ag_param *from = r->first->params[p];
    ag_download(r->first->backend, r->values, from->data, param_bytes(from));
    M4_TRY(ag_backend_status(r->first->backend, err));
    for (int d = 0; d < r->n_others; ++d) {
      ag_param *to = r->others[d]->params[p];
      ag_upload(r->others[d]->backend, to->data, r->values, param_bytes(to));
      ag_param_refresh(to, r->others[d]->backend);
    }
  }
  r->changed = false;
  return M4_OK;
}
