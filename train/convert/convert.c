/* Reads weights of any form as named tensors, checks them as a model, writes the form asked for. */
#include "train/convert/convert.h"

#include "nn/weights.h"
#include "train/convert/torch_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_GNN_FILES = 256 };

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length > end_length && strcmp(text + length - end_length, end) == 0;
}

static bool is_zip(const char *path) {
  char start[4] = {0};
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  bool read = fread(start, 1, sizeof start, file) == sizeof start;
  fclose(file);
  return read && memcmp(start, "PK\003\004", sizeof start) == 0;
}

/* ---- reading ---- */

static m4_status read_module(tr_tensors *tensors, const char *folder, const char *file, const char *prefix,
                             m4_error *err) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/%s.pt", folder, file);
  if (length < 0 || (size_t)length >= sizeof path)
    return m4_fail(err, M4_USAGE, folder, "the folder name is too long");
  return tr_torch_read(tensors, path, prefix, err);
}

/* One file per module; GNN layers are counted by their files. */
static m4_status read_folder(tr_tensors *tensors, const char *folder, m4_error *err) {
  static const char *const modules[] = {"lstmcell_rate", "lstmcell_time", "output_layer",
                                        "lstmcell_rate_link", "lstmcell_time_link"};
  char prefix[64], path[4096];
  for (size_t i = 0; i < sizeof modules / sizeof *modules; ++i) {
    snprintf(prefix, sizeof prefix, "%s.", modules[i]);
    M4_TRY(read_module(tensors, folder, modules[i], prefix, err));
  }
  for (int layer = 0; layer < MAX_GNN_FILES; ++layer) {
    char file[32];
    snprintf(file, sizeof file, "gnn_layer_%d", layer);
    snprintf(path, sizeof path, "%s/%s.pt", folder, file);
    if (layer > 0 && access(path, F_OK) != 0) break;
    snprintf(prefix, sizeof prefix, "gcn_layers.%d.", layer);
    M4_TRY(read_module(tensors, folder, file, prefix, err));
  }
  return M4_OK;
}

/* Wrappers put "model." or the like before every name. */
static void strip_prefix(tr_tensors *tensors) {
  static const char anchor[] = "lstmcell_rate.seq_cell.weight_hh";
  size_t prefix = 0;
  const char *example = NULL;
  for (int32_t i = 0; i < tensors->count && !example; ++i)
    if (strcmp(tensors->tensors[i].name, anchor) == 0)
      return;
    else if (ends_with(tensors->tensors[i].name, anchor))
      example = tensors->tensors[i].name;
  if (!example) return;
  prefix = strlen(example) - strlen(anchor);
  char *start = strndup(example, prefix);
  for (int32_t i = 0; start && i < tensors->count; ++i) {
    char *name = (char *)tensors->tensors[i].name;
    if (strncmp(name, start, prefix) == 0) memmove(name, name + prefix, strlen(name + prefix) + 1);
  }
  free(start);
}

static m4_status read_torch(tr_tensors *tensors, const char *from, bool folder, m4_error *err) {
  m4_status status = folder ? read_folder(tensors, from, err) : tr_torch_read(tensors, from, "", err);
  if (status == M4_OK) strip_prefix(tensors);
  return status;
}

/* ---- writing ---- */

/* Through the model, which checks every name and shape. */
static m4_status load_model(m4_model **model, const tr_tensors *tensors, const char *from, const char *to,
                            m4_error *err) {
  char parts[4096];
  int length = snprintf(parts, sizeof parts, "%s.parts.%ld", to, (long)getpid());
  if (length < 0 || (size_t)length >= sizeof parts) return m4_fail(err, M4_USAGE, to, "the name is too long");
  M4_TRY(nn_safetensors_write(parts, tensors->tensors, tensors->count, NULL, err));
  m4_error reason = {0};
  m4_status status = m4_weights_load(model, ag_cpu_backend(AG_F32), parts, NULL, &reason);
  unlink(parts);
  if (status == M4_OK) return M4_OK;
  m4_fail(err, status, from, "%s", reason.what);
  return reason.hint[0] ? m4_hint(err, status, "%s", reason.hint) : status;
}

static m4_status torch_to_safetensors(const char *from, bool folder, const char *to, m4_error *err) {
  tr_tensors tensors = {0};
  m4_model *model = NULL;
  m4_metadata notes = {0};
  m4_status status = read_torch(&tensors, from, folder, err);
  if (status == M4_OK) status = load_model(&model, &tensors, from, to, err);
  if (status == M4_OK) status = m4_metadata_set(&notes, "version", M4_VERSION, err);
  if (status == M4_OK) status = m4_weights_save(model, to, &notes, true, err);
  m4_metadata_free(&notes);
  m4_model_free(model);
  tr_tensors_free(&tensors);
  return status;
}

static m4_status safetensors_to_torch(const char *from, const char *to, m4_error *err) {
  m4_model *model = NULL;
  nn_safetensors content;
  M4_TRY(m4_weights_load(&model, ag_cpu_backend(AG_F32), from, NULL, err));
  m4_model_free(model); /* it was the check; the file's own order and bytes are written */
  M4_TRY(nn_safetensors_read(&content, from, err));
  m4_status status = tr_torch_write(to, content.tensors, content.n_tensors, err);
  nn_safetensors_free(&content);
  return status;
}

m4_status tr_convert(const char *from, const char *to, m4_error *err) {
  struct stat facts;
  bool folder = stat(from, &facts) == 0 && S_ISDIR(facts.st_mode);
  bool torch = folder || is_zip(from);
  /* A damaged file of PyTorch, an old one or none at all: its reader says so. */
  if (!ends_with(from, ".safetensors") && ends_with(to, ".safetensors")) torch = true;
  if (ends_with(to, ".safetensors") && torch) return torch_to_safetensors(from, folder, to, err);
  if (ends_with(to, ".pt") && !torch) return safetensors_to_torch(from, to, err);
  m4_fail(err, M4_USAGE, to, "cannot convert %.200s to this", from);
  return m4_hint(err, M4_USAGE, "PyTorch files become NAME.safetensors, safetensors files NAME.pt");
}
