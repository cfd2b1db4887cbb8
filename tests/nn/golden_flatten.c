/* golden_flatten FILE.h5 FILE.safetensors [OUT.flat]: the same in one plain file (golden_flat.c) for machines
 * without HDF5; without OUT to standard output. */
#include "tests/nn/golden.h"

#include <stdio.h>
#include <string.h>

static bool is_single(const double *values, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    if ((double)(float)values[i] != values[i]) return false;
  return true;
}

static void write_head(FILE *out, const char *name, uint32_t value_bytes, uint64_t count) {
  uint32_t length = (uint32_t)strlen(name);
  fwrite(&length, sizeof length, 1, out);
  fwrite(&value_bytes, sizeof value_bytes, 1, out);
  fwrite(&count, sizeof count, 1, out);
  fwrite(name, 1, length, out);
}

static void write_values(FILE *out, const char *name, const double *values, int64_t count) {
  bool single = is_single(values, count);
  write_head(out, name, single ? sizeof(float) : sizeof(double), (uint64_t)count);
  for (int64_t i = 0; i < count; ++i) {
    float value = (float)values[i];
    if (single)
      fwrite(&value, sizeof value, 1, out);
    else
      fwrite(&values[i], sizeof values[i], 1, out);
  }
}

static m4_status flatten(golden_file *file, const m4_model *model, FILE *out, m4_error *err) {
  static const char *const attributes[] = {"hidden_size", "gcn_hidden_size", "gcn_n_layer", "n_links",
                                           "aux_weight"};
  static const char *const datasets[] = {"sample/x",
                                         "sample/flow_active",
                                         "sample/time_delta_us",
                                         "sample/edges_flow_link",
                                         "sample/target_slowdown",
                                         "sample/remaining_ratio",
                                         "sample/remaining_ratio_offsets",
                                         "sample/queue_cbrt",
                                         "sample/queue_link",
                                         "sample/queue_link_offsets",
                                         "output/slowdown",
                                         "output/size_abs_error_sum",
                                         "output/queue_abs_error_sum",
                                         "output/loss",
                                         "output/loss_fct",
                                         "output/loss_size",
                                         "output/loss_queue",
                                         "output/adam_lr1e-3_loss_10_steps"};
  double *values, value;
  int64_t count;
  char name[160];
  fwrite("M4FLAT01", 1, 8, out);
  for (size_t i = 0; i < sizeof attributes / sizeof *attributes; ++i) {
    M4_TRY(golden_attribute(file, attributes[i], &value, err));
    snprintf(name, sizeof name, "@%s", attributes[i]);
    write_values(out, name, &value, 1);
  }
  for (size_t i = 0; i < sizeof datasets / sizeof *datasets; ++i) {
    M4_TRY(golden_read(file, datasets[i], &values, &count, err));
    write_values(out, datasets[i], values, count);
  }
  for (int32_t i = 0; i < model->n_params; ++i) {
    const ag_param *param = model->params[i];
    snprintf(name, sizeof name, "grads/%s", param->name);
    M4_TRY(golden_read(file, name, &values, &count, err));
    write_values(out, name, values, count);
    snprintf(name, sizeof name, "weights/%s", param->name);
    count = (int64_t)param->rows * param->cols;
    write_head(out, name, sizeof(float), (uint64_t)count);
    fwrite(param->data, sizeof(float), (size_t)count, out);
  }
  return M4_OK;
}

int main(int argc, char **argv) {
  golden_file *file = NULL;
  m4_model *model = NULL;
  m4_error err = {0};
  if (argc < 3) return m4_exit_code(M4_USAGE);
  FILE *out = argc > 3 ? fopen(argv[3], "wb") : stdout;
  m4_status status =
      out ? golden_open(&file, argv[1], &err) : m4_fail(&err, M4_IO, argv[3], "cannot be written");
  if (status == M4_OK) status = golden_model(file, &model, ag_cpu_backend(AG_F32), argv[2], &err);
  if (status == M4_OK) status = flatten(file, model, out, &err);
  if (out && fclose(out) != 0 && status == M4_OK) status = m4_fail(&err, M4_IO, NULL, "cannot be written");
  m4_model_free(model);
  golden_close(file);
  if (status != M4_OK) fprintf(stderr, "golden_flatten: error: %s: %s\n", err.where, err.what);
  return m4_exit_code(status);
}
