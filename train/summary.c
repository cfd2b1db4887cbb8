/* What is printed before training. Knows nn and data. */
#include "train/summary.h"

#include "autograd/memory.h"

#include <stdio.h>
#include <string.h>

/* The module a parameter belongs to: its name up to the part that names the tensor. */
static size_t module_length(const char *name) {
  if (strncmp(name, "gcn_layers.", 11) == 0) {
    const char *dot = strchr(name + 11, '.');
    return dot ? (size_t)(dot - name) : strlen(name);
  }
  const char *dot = strchr(name, '.');
  return dot ? (size_t)(dot - name) : strlen(name);
}

static void print_modules(m4_log *log, const m4_model *model) {
  m4_info(log, "model");
  for (int32_t p = 0; p < model->n_params;) {
    size_t length = module_length(model->params[p]->name);
    const char *module = model->params[p]->name;
    int64_t count = 0;
    int32_t tensors = 0;
    for (; p < model->n_params && strncmp(model->params[p]->name, module, length) == 0 &&
           model->params[p]->name[length] == '.';
         ++p) {
      count += (int64_t)model->params[p]->rows * model->params[p]->cols;
      ++tensors;
    }
    if (tensors == 0) {
      ++p;
      continue;
    }
    m4_info(log, "  %-24.*s %2d tensors %10lld numbers", (int)length, module, (int)tensors, (long long)count);
  }
  m4_info(log, "  %-24s            %10lld numbers", "total", (long long)m4_model_count(model));
}

void tr_print_summary(m4_log *log, const tr_config *values, const m4_model *model, const ds_dataset *dataset,
                      const ds_split *split, const m4_pool *pool, int n_ranks, int64_t total_steps) {
  int threads = pool && ag_on_host(model->backend) ? m4_pool_threads(pool) : 1;
  print_modules(log, model);
  m4_info(log,
          "data  %s: %d scenarios, %lld busy periods; %lld train, %lld val; %lld over the active limit, %lld "
          "scenarios skipped",
          values->dataset.path, (int)ds_n_scenarios(dataset), (long long)ds_n_periods(dataset),
          (long long)split->n_train, (long long)split->n_val, (long long)split->n_filtered,
          (long long)split->n_skipped_scenarios);
  double mib = 1.0 / 1048576.0, weights = (double)m4_model_count(model) * 4 * mib;
  int64_t in_flight = values->training.batch_size < 2 * threads ? values->training.batch_size : 2 * threads;
  double staging = 0;
  for (int32_t p = 0; p < model->n_params; ++p)
    if (model->params[p]->rows > 1)
      staging += 4.0 * AG_WGRAD_BLOCK_ROWS * (model->params[p]->rows + model->params[p]->cols) * mib;
  double gradients = (double)(in_flight + 1) * (weights + staging);
  double tape = (double)values->training.segment_budget_mib * threads;
  m4_info(log,
          "memory  weights, Adam %.0f MiB; gradients %.0f MiB; tapes %.0f MiB (%d x %lld MiB); plus samples "
          "read ahead",
          4 * weights, gradients, tape, threads, (long long)values->training.segment_budget_mib);
  char ranks[48] = "";
  if (n_ranks > 1) snprintf(ranks, sizeof ranks, ", %d ranks", n_ranks);
  m4_info(log, "plan  %lld epochs, %lld steps of %lld samples, %d threads%s",
          (long long)values->training.n_epochs, (long long)total_steps,
          (long long)(values->training.batch_size * values->training.accumulate_batches * n_ranks), threads,
          ranks);
}
