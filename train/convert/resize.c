/* Loads, resizes, saves. */
#include "train/convert/resize.h"

#include "nn/m4_resize.h"
#include "nn/weights.h"

#include <stdio.h>
#include <string.h>

enum { LEAST_HIDDEN = 4, LEAST_GCN = 1, MOST_WIDTH = 4096 };

static bool is_safetensors(const char *path) {
  static const char end[] = ".safetensors";
  size_t length = strlen(path), end_length = sizeof end - 1;
  return length > end_length && strcmp(path + length - end_length, end) == 0;
}

static m4_status check_width(const char *option, int64_t width, int least, m4_error *err) {
  if (width == 0 || (width >= least && width <= MOST_WIDTH)) return M4_OK;
  return m4_fail(err, M4_USAGE, option, "%lld is out of range, allowed %d to %d", (long long)width, least,
                 (int)MOST_WIDTH);
}

static m4_status check(const char *from, const char *to, tr_new_widths widths, int64_t seed, m4_error *err) {
  const char *other = !is_safetensors(from) ? from : !is_safetensors(to) ? to : NULL;
  if (other)
    return m4_hint(err, m4_fail(err, M4_USAGE, other, "widths are changed from safetensors to safetensors"),
                   "convert before or after in a step of its own");
  M4_TRY(check_width("--hidden", widths.hidden, LEAST_HIDDEN, err));
  M4_TRY(check_width("--gcn", widths.gcn_hidden, LEAST_GCN, err));
  if (seed < 0)
    return m4_fail(err, M4_USAGE, "--seed", "%lld is out of range, allowed 0 or more", (long long)seed);
  return M4_OK;
}

static m4_status choose(m4_widths *widths, tr_new_widths wanted, m4_error *err) {
  if (wanted.gcn_hidden > 0 && widths->gcn_layers < 2)
    return m4_fail(err, M4_USAGE, "--gcn", "the model has no units between graph layers");
  if (wanted.hidden > 0) widths->hidden = widths->head_hidden = widths->aux_hidden = (int32_t)wanted.hidden;
  if (wanted.gcn_hidden > 0) widths->gcn_hidden = (int32_t)wanted.gcn_hidden;
  if (widths->gcn_layers < 2) widths->gcn_hidden = widths->hidden; /* as the reader of weights has it */
  return M4_OK;
}

static m4_status note(m4_metadata *notes, const m4_widths *from, const m4_widths *to, int64_t seed,
                      m4_error *err) {
  char text[160];
  snprintf(text, sizeof text, "hidden_size %d to %d, gcn_hidden_size %d to %d, seed %lld", (int)from->hidden,
           (int)to->hidden, (int)from->gcn_hidden, (int)to->gcn_hidden, (long long)seed);
  M4_TRY(m4_metadata_set(notes, "resized", text, err));
  return m4_metadata_set(notes, "version", M4_VERSION, err);
}

m4_status tr_resize(const char *from, const char *to, tr_new_widths widths, int64_t seed, m4_error *err) {
  m4_model *old = NULL, *new = NULL;
  m4_metadata notes = {0};
  M4_TRY(check(from, to, widths, seed, err));
  M4_TRY(m4_weights_load(&old, ag_cpu_backend(AG_F32), from, &notes, err));
  m4_widths chosen = old->widths;
  m4_status status = choose(&chosen, widths, err);
  if (status == M4_OK) status = m4_model_create(&new, chosen, old->backend, err);
  if (status == M4_OK) status = m4_resize(old, new, (uint64_t)seed, err);
  if (status == M4_OK) status = note(&notes, &old->widths, &chosen, seed, err);
  if (status == M4_OK) status = m4_weights_save(new, to, &notes, true, err);
  m4_metadata_free(&notes);
  m4_model_free(new);
  m4_model_free(old);
  return status;
}
