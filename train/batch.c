/* Samples through the model in parallel. Knows nn and data. */
#include "train/batch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct tr_slot {
  ag_grads *grads;
  m4_losses losses;
  m4_status status;
  m4_error error;
} tr_slot;

struct tr_crew {
  const m4_model *model;
  m4_pool *pool;
  m4_workspace **workspaces; /* [n_workers] */
  int n_workers;
  tr_slot *slots;                    /* [n_slots] samples in flight */
  int32_t n_slots, n_gradient_slots; /* the first n_gradient_slots have gradient buffers */
  ag_grads *total;                   /* NULL without gradients */
};

enum {
  LOSS_SLOTS_PER_WORKER = 16
}; /* forward-only samples in flight: enough to balance short and long ones */

m4_status tr_crew_create(tr_crew **crew_out, const m4_model *model, m4_pool *pool, size_t budget_bytes,
                         int32_t batch_size, bool gradients, m4_error *err) {
  tr_crew *crew = calloc(1, sizeof *crew);
  if (!crew) return m4_fail(err, M4_MEMORY, NULL, "no memory for workspaces");
  crew->model = model;
  crew->pool = pool;
  crew->n_workers = pool ? m4_pool_threads(pool) : 1;
  int32_t in_flight = 2 * (int32_t)crew->n_workers;
  crew->n_slots = LOSS_SLOTS_PER_WORKER * (int32_t)crew->n_workers;
  crew->n_gradient_slots = !gradients ? 0 : batch_size < in_flight ? batch_size : in_flight;
  crew->workspaces = calloc((size_t)crew->n_workers, sizeof *crew->workspaces);
  crew->slots = calloc((size_t)crew->n_slots, sizeof *crew->slots);
  m4_status status =
      crew->workspaces && crew->slots ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for workspaces");
  for (int w = 0; status == M4_OK && w < crew->n_workers; ++w)
    status = m4_workspace_create(&crew->workspaces[w], model, budget_bytes, err);
  for (int32_t s = 0; status == M4_OK && s < crew->n_gradient_slots; ++s)
    status = ag_grads_create(&crew->slots[s].grads, model->backend, model->params, model->n_params, err);
  if (status == M4_OK && gradients)
    status = ag_grads_create(&crew->total, model->backend, model->params, model->n_params, err);
  if (status != M4_OK) {
    tr_crew_free(crew);
    return status;
  }
  *crew_out = crew;
  return M4_OK;
}

void tr_crew_free(tr_crew *crew) {
  if (!crew) return;
  for (int w = 0; crew->workspaces && w < crew->n_workers; ++w) m4_workspace_free(crew->workspaces[w]);
  for (int32_t s = 0; crew->slots && s < crew->n_slots; ++s) ag_grads_free(crew->slots[s].grads);
  ag_grads_free(crew->total);
  free(crew->workspaces);
  free(crew->slots);
  free(crew);
}

size_t tr_crew_peak_bytes(const tr_crew *crew) {
  size_t sum = 0;
  for (int w = 0; w < crew->n_workers; ++w) sum += m4_workspace_peak_bytes(crew->workspaces[w]);
  return sum;
}

/* One wave: the next few items, one slot each. */
typedef struct wave {
  tr_crew *crew;
  ds_item *const *items;
  int32_t first; /* number of items[0] within the batch */
  const m4_loss_options *options;
  double scale;
  uint64_t rng_seed;
  int64_t step;
} wave;

enum { RNG_SAMPLE_SHIFT = 40 }; /* a sample may draw 2^40 numbers */

static void gradient_task(void *arg, size_t index, int worker) {
  const wave *job = arg;
  tr_slot *slot = &job->crew->slots[index];
  ag_rng_state rng = {job->rng_seed, (uint32_t)job->step,
                      (uint64_t)(job->first + (int64_t)index) << RNG_SAMPLE_SHIFT};
  ag_grads_zero(slot->grads);
  slot->status =
      m4_pass_gradients(job->crew->workspaces[worker], job->crew->model, job->items[index]->sample,
                        job->options, job->scale, rng, slot->grads, &slot->losses, NULL, &slot->error);
}

static void loss_task(void *arg, size_t index, int worker) {
  const wave *job = arg;
  tr_slot *slot = &job->crew->slots[index];
  slot->status = m4_pass_forward(job->crew->workspaces[worker], job->crew->model, job->items[index]->sample,
                                 job->options, &slot->losses, NULL, &slot->error);
}

enum { CHUNK_ELEMENTS = 1 << 16 };

typedef struct addition {
  ag_grads *total;
  const tr_slot *slots;
  int32_t n_slots;
  int64_t n_elements;
  ag_dtype dtype;
} addition;

/* total[i] += slot 0 [i], then slot 1 [i], ...: the order is the samples' order whatever the thread. */
#define DEFINE_ADD(name, type)                                                                               \
  static void name(const addition *job, int64_t begin, int64_t end) {                                        \
    int64_t n;                                                                                               \
    type *total = ag_grads_all(job->total, &n);                                                              \
    for (int32_t s = 0; s < job->n_slots; ++s) {                                                             \
      const type *part = ag_grads_all(job->slots[s].grads, &n);                                              \
      for (int64_t i = begin; i < end; ++i) total[i] += part[i];                                             \
    }                                                                                                        \
  }
DEFINE_ADD(add_f32, float)
DEFINE_ADD(add_f64, double)

static void add_task(void *arg, size_t index, int worker) {
  (void)worker;
  const addition *job = arg;
  int64_t begin = (int64_t)index * CHUNK_ELEMENTS;
  int64_t end = begin + CHUNK_ELEMENTS < job->n_elements ? begin + CHUNK_ELEMENTS : job->n_elements;
  (job->dtype == AG_F64 ? add_f64 : add_f32)(job, begin, end);
}

static void add_gradients(tr_crew *crew, int32_t n_slots) {
  addition job = {
      .total = crew->total, .slots = crew->slots, .n_slots = n_slots, .dtype = crew->model->params[0]->dtype};
  ag_grads_all(crew->total, &job.n_elements);
  m4_parallel_for(crew->pool, (size_t)((job.n_elements + CHUNK_ELEMENTS - 1) / CHUNK_ELEMENTS), add_task,
                  &job);
}

/* Adds a finished slot to the sums; its error, or a loss that is not a number, becomes the wave's. */
static m4_status collect(const tr_slot *slot, const ds_item *item, tr_sums *sums, m4_error *err) {
  char where[64];
  snprintf(where, sizeof where, "busy period %lld", (long long)item->period);
  if (slot->status != M4_OK) {
    if (err) *err = slot->error;
    return m4_within(err, slot->status, where);
  }
  if (!isfinite(slot->losses.total)) return m4_fail(err, M4_NUMERIC, where, "loss is %g", slot->losses.total);
  sums->total += slot->losses.total;
  sums->fct += slot->losses.fct;
  sums->size += slot->losses.size;
  sums->queue += slot->losses.queue;
  sums->error += slot->losses.error;
  sums->samples += 1;
  return M4_OK;
}

static m4_status run_waves(tr_crew *crew, wave *job, ds_item *const *items, int32_t count, m4_task_fn task,
                           bool gradients, tr_sums *sums, m4_error *err) {
  int32_t at_once = gradients ? crew->n_gradient_slots : crew->n_slots;
  for (int32_t first = 0; first < count; first += at_once) {
    int32_t n = count - first < at_once ? count - first : at_once;
    job->items = items + first;
    job->first = first;
    m4_parallel_for(crew->pool, (size_t)n, task, job);
    for (int32_t i = 0; i < n; ++i) M4_TRY(collect(&crew->slots[i], items[first + i], sums, err));
    if (gradients) add_gradients(crew, n);
  }
  return M4_OK;
}

m4_status tr_crew_gradients(tr_crew *crew, ds_item *const *items, int32_t count,
                            const m4_loss_options *options, uint64_t rng_seed, int64_t step, ag_grads **grads,
                            m4_losses *losses, tr_sums *sums, m4_error *err) {
  wave job = {.crew = crew, .options = options, .scale = 1.0 / count, .rng_seed = rng_seed, .step = step};
  tr_sums batch = {0};
  ag_grads_zero(crew->total);
  M4_TRY(run_waves(crew, &job, items, count, gradient_task, true, &batch, err));
  losses->total = batch.total / count;
  losses->fct = batch.fct / count;
  losses->size = batch.size / count;
  losses->queue = batch.queue / count;
  losses->error = batch.error / count;
  sums->total += batch.total;
  sums->fct += batch.fct;
  sums->size += batch.size;
  sums->queue += batch.queue;
  sums->error += batch.error;
  sums->samples += batch.samples;
  *grads = crew->total;
  return M4_OK;
}

m4_status tr_crew_losses(tr_crew *crew, ds_item *const *items, int32_t count, const m4_loss_options *options,
                         tr_sums *sums, m4_error *err) {
  wave job = {.crew = crew, .options = options};
  return run_waves(crew, &job, items, count, loss_task, false, sums, err);
}
