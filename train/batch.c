/* Samples through the model in parallel. Knows nn and data. */
#include "train/batch.h"

#include "autograd/memory.h"
#include "autograd/update.h"
#include "base/philox.h"
#include "train/reduce.h"
#include "train/replicas.h"

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
  tr_replicas *replicas; /* the model on every device */
  m4_pool *pool;         /* threads for samples and sums; NULL on devices */
  m4_pool *device_pool;  /* threads for devices */
  m4_ranks *ranks;
  m4_workspace **workspaces; /* [n_workers]; of several devices one each */
  ag_profile **profiles;     /* [n_workers], or NULL: off */
  tr_unfolder unfolder;
  double unfolded_share; /* 0: no sample is unfolded */
  m4_arena *unfolded;    /* [n_workers] the sample at hand */
  int n_workers;
  tr_slot *slots;                    /* [n_slots] samples in flight */
  int32_t n_slots, n_gradient_slots; /* the first n_gradient_slots have gradient buffers */
  int32_t n_waiting;                 /* with ranks: slots whose gradients wait for tr_crew_reduce */
  ag_grads **totals;                 /* [devices]; NULL without gradients */
  const char *note;                  /* about the sum over devices; NULL: nothing to say */
  tr_reduce *reduce;                 /* with several devices, or ranks on a device; else NULL */
};

enum {
  LOSS_SLOTS_PER_WORKER = 16
}; /* forward-only samples in flight: enough to balance short and long ones */

static int32_t most(int32_t a, int32_t b) {
  return a > b ? a : b;
}

/* ---- devices: each takes a share of the slots, in order ---- */

static int n_devices(const tr_crew *crew) {
  return tr_replicas_count(crew->replicas);
}

static const m4_model *model_of_worker(const tr_crew *crew, int worker) {
  return n_devices(crew) > 1 ? tr_replicas_model(crew->replicas, worker) : crew->model;
}

static int32_t slots_per_device(const tr_crew *crew) {
  return (crew->n_gradient_slots + n_devices(crew) - 1) / n_devices(crew);
}

static int32_t at_most(int32_t value, int32_t limit) {
  return value < limit ? value : limit;
}

static m4_status make_gradients(tr_crew *crew, m4_error *err) {
  crew->totals = calloc((size_t)n_devices(crew), sizeof(ag_grads *));
  if (!crew->totals) return m4_fail(err, M4_MEMORY, NULL, "no memory for gradients");
  for (int32_t s = 0; s < crew->n_gradient_slots; ++s) {
    const m4_model *model = tr_replicas_model(crew->replicas, (int)(s / slots_per_device(crew)));
    M4_TRY(ag_grads_create(&crew->slots[s].grads, model->backend, model->params, model->n_params, err));
  }
  for (int d = 0; d < n_devices(crew); ++d) {
    const m4_model *model = tr_replicas_model(crew->replicas, d);
    M4_TRY(ag_grads_create(&crew->totals[d], model->backend, model->params, model->n_params, err));
    ag_grads_zero(crew->totals[d]);
  }
  return M4_OK;
}

static m4_status make_buffers(tr_crew *crew, size_t budget_bytes, m4_error *err) {
  crew->workspaces = calloc((size_t)crew->n_workers, sizeof *crew->workspaces);
  crew->slots = calloc((size_t)crew->n_slots, sizeof *crew->slots);
  if (!crew->workspaces || !crew->slots) return m4_fail(err, M4_MEMORY, NULL, "no memory for workspaces");
  for (int w = 0; w < crew->n_workers; ++w) {
    M4_TRY(m4_workspace_create(&crew->workspaces[w], model_of_worker(crew, w), budget_bytes, err));
    m4_workspace_share(crew->workspaces[w], crew->pool);
  }
  return crew->n_gradient_slots > 0 ? make_gradients(crew, err) : M4_OK;
}

m4_status tr_crew_create(tr_crew **crew_out, const m4_model *model, const ag_backend *const *others,
                         int n_others, m4_pool *pool, m4_ranks *ranks, size_t budget_bytes,
                         int32_t batch_size, m4_error *err) {
  tr_crew *crew = calloc(1, sizeof *crew);
  if (!crew) return m4_fail(err, M4_MEMORY, NULL, "no memory for workspaces");
  crew->model = model;
  crew->pool = ag_on_host(model->backend) ? pool : NULL; /* a device takes sample after sample */
  crew->ranks = m4_ranks_count(ranks) > 1 ? ranks : NULL;
  crew->device_pool = pool;
  crew->n_workers = crew->pool ? m4_pool_threads(pool) : 1 + n_others;
  int32_t in_flight = 2 * (int32_t)crew->n_workers;
  crew->n_gradient_slots = crew->ranks || batch_size < in_flight ? batch_size : in_flight;
  crew->n_slots = most(LOSS_SLOTS_PER_WORKER * (int32_t)crew->n_workers, crew->n_gradient_slots);
  m4_status status = tr_replicas_create(&crew->replicas, model, others, n_others, err);
  if (status == M4_OK) status = make_buffers(crew, budget_bytes, err);
  if (status != M4_OK) {
    tr_crew_free(crew);
    return status;
  }
  *crew_out = crew;
  return M4_OK;
}

/* Ranks that add on GPUs and ranks that add on the host would wait for each other for ever. */
static m4_status compare_ranks(const tr_crew *crew, m4_error *err) {
  float mine = ag_on_host(crew->model->backend) ? 0 : 1, total = 0;
  const float *block = &mine;
  M4_TRY(m4_ranks_sum(crew->ranks, &total, &block, 1, 1, err));
  int n_on_gpus = (int)total, count = m4_ranks_count(crew->ranks);
  if (n_on_gpus == 0 || n_on_gpus == count) return M4_OK;
  return m4_fail(err, M4_USAGE, "training.device", "%d of %d ranks compute on a GPU, the others on the CPU",
                 n_on_gpus, count);
}

m4_status tr_crew_connect(tr_crew *crew, m4_error *err) {
  const ag_backend *backends[TR_MOST_DEVICES];
  M4_TRY(compare_ranks(crew, err));
  if (n_devices(crew) == 1 && (!crew->ranks || ag_on_host(crew->model->backend))) return M4_OK;
  for (int d = 0; d < n_devices(crew); ++d) backends[d] = tr_replicas_model(crew->replicas, d)->backend;
  return tr_reduce_create(&crew->reduce, backends, n_devices(crew), crew->ranks, slots_per_device(crew),
                          (size_t)m4_model_count(crew->model), &crew->note, err);
}

void tr_crew_free(tr_crew *crew) {
  if (!crew) return;
  for (int w = 0; crew->workspaces && w < crew->n_workers; ++w) m4_workspace_free(crew->workspaces[w]);
  for (int32_t s = 0; crew->slots && s < crew->n_slots; ++s) ag_grads_free(crew->slots[s].grads);
  for (int d = 0; crew->totals && d < n_devices(crew); ++d) ag_grads_free(crew->totals[d]);
  tr_reduce_free(crew->reduce);
  free(crew->totals);
  for (int w = 0; crew->profiles && w < crew->n_workers; ++w) ag_profile_free(crew->profiles[w]);
  for (int w = 0; crew->unfolded && w < crew->n_workers; ++w) m4_arena_free(&crew->unfolded[w]);
  free(crew->unfolded);
  free(crew->profiles);
  free(crew->workspaces);
  free(crew->slots);
  tr_replicas_free(crew->replicas);
  free(crew);
}

m4_status tr_crew_unfold(tr_crew *crew, tr_unfolder unfolder, double share, m4_error *err) {
  crew->unfolded = calloc((size_t)crew->n_workers, sizeof *crew->unfolded);
  if (!crew->unfolded) return m4_fail(err, M4_MEMORY, NULL, "no memory for unfolded samples");
  crew->unfolder = unfolder;
  crew->unfolded_share = share;
  return M4_OK;
}

m4_status tr_crew_profile(tr_crew *crew, m4_error *err) {
  enum { TRACED_SPANS = 1 << 18 };
  crew->profiles = calloc((size_t)crew->n_workers, sizeof *crew->profiles);
  if (!crew->profiles) return m4_fail(err, M4_MEMORY, NULL, "no memory for profiles");
  for (int w = 0; w < crew->n_workers; ++w) {
    M4_TRY(ag_profile_create(&crew->profiles[w], TRACED_SPANS, err));
    m4_workspace_profile(crew->workspaces[w], crew->profiles[w]);
  }
  return M4_OK;
}

ag_profile *const *tr_crew_profiles(const tr_crew *crew, int *n) {
  *n = crew->profiles ? crew->n_workers : 0;
  return crew->profiles;
}

size_t tr_crew_peak_bytes(const tr_crew *crew) {
  size_t sum = 0;
  for (int w = 0; w < crew->n_workers; ++w) sum += m4_workspace_peak_bytes(crew->workspaces[w]);
  return sum;
}

ag_grads *tr_crew_total(const tr_crew *crew) {
  return crew->totals ? crew->totals[0] : NULL;
}

const char *tr_crew_note(const tr_crew *crew) {
  return crew->note;
}

void tr_crew_clear(tr_crew *crew) {
  for (int d = 0; d < n_devices(crew); ++d) ag_grads_zero(crew->totals[d]);
  tr_replicas_changed(crew->replicas);
}

/* ---- one wave: the next few items, one slot each ---- */

typedef struct wave {
  tr_crew *crew;
  ds_item *const *items;
  int32_t first; /* number of items[0] within the call */
  const m4_loss_options *options;
  const tr_part *part;
  float *const *slowdown; /* of the wave's items; NULL = not wanted */
} wave;

enum { RNG_SAMPLE_SHIFT = 40 }; /* a sample may draw 2^40 numbers */

ag_rng_state tr_part_rng(const tr_part *part, int64_t item) {
  return (ag_rng_state){part->rng_seed, (uint32_t)part->step,
                        (uint64_t)(part->first + item) << RNG_SAMPLE_SHIFT};
}

static m4_status make_room(m4_arena *arena, size_t bytes, m4_error *err) {
  m4_arena_release(arena, 0);
  if (arena->reserved_bytes >= bytes) return M4_OK;
  m4_arena_free(arena);
  return m4_arena_init(arena, bytes, err);
}

static bool is_unfolded(const tr_crew *crew, const tr_part *part, int64_t number) {
  if (!part) return true;
  uint64_t sample = (uint64_t)(part->first + number);
  return m4_random_uniform(part->rng_seed, M4_RNG_UNFOLD, (uint32_t)part->step, sample) <
         crew->unfolded_share;
}

static m4_status prepare_lesson(const tr_crew *crew, const m4_model *model, const ds_item *item,
                                const m4_loss_options *options, const tr_part *part, int64_t number,
                                m4_arena *arena, tr_lesson *lesson, m4_error *err) {
  *lesson = (tr_lesson){item->sample, *options};
  if (crew->unfolded_share <= 0) return M4_OK;
  lesson->options.auxiliary_only = !is_unfolded(crew, part, number);
  if (lesson->options.auxiliary_only) return M4_OK;
  m4_sample *unfolded;
  M4_TRY(make_room(arena, crew->unfolder.most_bytes(item->sample), err));
  M4_TRY(crew->unfolder.unfold(&unfolded, model, &item->facts, item->sample, arena, err));
  lesson->sample = unfolded;
  return M4_OK;
}

m4_status tr_crew_lesson(const tr_crew *crew, const ds_item *item, const m4_loss_options *options,
                         const tr_part *part, int64_t number, m4_arena *arena, tr_lesson *lesson,
                         m4_error *err) {
  return prepare_lesson(crew, crew->model, item, options, part, number, arena, lesson, err);
}

/* The lesson at hand of a worker. */
static m4_status take_lesson(const wave *job, size_t index, int worker, tr_lesson *lesson, m4_error *err) {
  m4_arena *arena = job->crew->unfolded ? &job->crew->unfolded[worker] : NULL;
  return prepare_lesson(job->crew, model_of_worker(job->crew, worker), job->items[index], job->options,
                        job->part, job->first + (int64_t)index, arena, lesson, err);
}

/* A device that has failed shows NaN. */
static m4_status check_gradient(const m4_model *model, const ag_grads *grads, m4_error *err) {
  bool finite = ag_grads_finite(grads);
  M4_TRY(ag_backend_status(model->backend, err));
  return finite ? M4_OK : m4_fail(err, M4_NUMERIC, NULL, "a gradient is not finite");
}

static void gradient_task(void *arg, size_t index, int worker) {
  const wave *job = arg;
  tr_crew *crew = job->crew;
  tr_slot *slot = &crew->slots[index];
  tr_lesson lesson;
  ag_grads_zero(slot->grads);
  slot->status = take_lesson(job, index, worker, &lesson, &slot->error);
  if (slot->status != M4_OK) return;
  const m4_model *model = model_of_worker(crew, worker);
  slot->status = m4_pass_gradients(crew->workspaces[worker], model, lesson.sample, &lesson.options,
                                   job->part->scale, tr_part_rng(job->part, job->first + (int64_t)index),
                                   slot->grads, &slot->losses, NULL, &slot->error);
  if (slot->status == M4_OK && job->part->check_finite)
    slot->status = check_gradient(model, slot->grads, &slot->error);
}

static void loss_task(void *arg, size_t index, int worker) {
  const wave *job = arg;
  tr_slot *slot = &job->crew->slots[index];
  tr_lesson lesson;
  m4_pass_output output = {.slowdown = job->slowdown ? job->slowdown[index] : NULL};
  slot->status = take_lesson(job, index, worker, &lesson, &slot->error);
  if (slot->status != M4_OK) return;
  slot->status =
      m4_pass_forward(job->crew->workspaces[worker], model_of_worker(job->crew, worker), lesson.sample,
                      &lesson.options, &slot->losses, job->slowdown ? &output : NULL, &slot->error);
}

/* On several devices: every one does its share of the slots, one after another. */
typedef struct shares {
  m4_task_fn task;
  wave *job;
  int32_t n, per_device;
} shares;

static void device_task(void *arg, size_t device, int worker) {
  const shares *s = arg;
  (void)worker;
  int32_t first = (int32_t)device * s->per_device, end = at_most(first + s->per_device, s->n);
  for (int32_t slot = first; slot < end; ++slot) s->task(s->job, (size_t)slot, (int)device);
}

static void run_wave(tr_crew *crew, int32_t n, int32_t per_device, m4_task_fn task, wave *job) {
  shares all = {task, job, n, per_device};
  if (n_devices(crew) > 1)
    m4_parallel_for(crew->device_pool, (size_t)n_devices(crew), device_task, &all);
  else
    m4_parallel_for(crew->pool, (size_t)n, task, job);
}

enum { CHUNK_ELEMENTS = 1 << 16 };

typedef struct addition {
  ag_grads *total;
  const tr_slot *slots;
  int32_t n_slots;
  int64_t n_elements, chunk;
} addition;

/* total[i] += slot 0 [i], then slot 1 [i], ...: the order is the samples' order whatever the thread. */
static void add_task(void *arg, size_t index, int worker) {
  (void)worker;
  const addition *job = arg;
  int64_t begin = (int64_t)index * job->chunk;
  int64_t end = begin + job->chunk < job->n_elements ? begin + job->chunk : job->n_elements;
  for (int32_t s = 0; s < job->n_slots; ++s) ag_grads_add(job->total, job->slots[s].grads, begin, end);
}

static void add_gradients(tr_crew *crew, int32_t n_slots) {
  addition job = {.total = crew->totals[0], .slots = crew->slots, .n_slots = n_slots};
  ag_grads_all(crew->totals[0], &job.n_elements);
  job.chunk = ag_on_host(crew->model->backend) ? CHUNK_ELEMENTS : job.n_elements;
  m4_parallel_for(crew->pool, (size_t)((job.n_elements + job.chunk - 1) / job.chunk), add_task, &job);
}

/* What waits in the slots of every device, and of every rank. */
static m4_status reduce_devices(tr_crew *crew, const float **blocks, m4_error *err) {
  float *totals[TR_MOST_DEVICES];
  const float *const *of_device[TR_MOST_DEVICES];
  int counts[TR_MOST_DEVICES];
  int64_t n_elements;
  for (int d = 0; d < n_devices(crew); ++d) {
    int32_t first = at_most(d * slots_per_device(crew), crew->n_waiting);
    totals[d] = ag_grads_all(crew->totals[d], &n_elements);
    of_device[d] = blocks + first;
    counts[d] = at_most(slots_per_device(crew), crew->n_waiting - first);
  }
  return tr_reduce_sum(crew->reduce, totals, of_device, counts, err);
}

static m4_status reduce(tr_crew *crew, m4_error *err) {
  const float **blocks = calloc((size_t)crew->n_gradient_slots, sizeof *blocks);
  if (!blocks) return m4_fail(err, M4_MEMORY, NULL, "no memory to add gradients");
  int64_t n_elements;
  for (int32_t s = 0; s < crew->n_waiting; ++s) blocks[s] = ag_grads_all(crew->slots[s].grads, &n_elements);
  float *total = ag_grads_all(crew->totals[0], &n_elements);
  m4_status status = crew->reduce
                         ? reduce_devices(crew, blocks, err)
                         : m4_ranks_sum(crew->ranks, total, blocks, crew->n_waiting, (size_t)n_elements, err);
  free(blocks);
  return status;
}

/* A finished slot's losses; its error, or a loss that is not a number, becomes the call's. */
static m4_status collect(const tr_slot *slot, const ds_item *item, m4_losses *losses, m4_error *err) {
  char where[64];
  snprintf(where, sizeof where, "busy period %lld", (long long)item->period);
  if (slot->status != M4_OK) {
    if (err) *err = slot->error;
    return m4_within(err, slot->status, where);
  }
  if (!isfinite(slot->losses.total)) return m4_fail(err, M4_NUMERIC, where, "loss is %g", slot->losses.total);
  *losses = slot->losses;
  return M4_OK;
}

static void leave_out(tr_slot *slot, m4_losses *losses) {
  ag_grads_zero(slot->grads);
  *losses = (m4_losses){.total = NAN};
}

m4_status tr_crew_gradients(tr_crew *crew, ds_item *const *items, int32_t count,
                            const m4_loss_options *options, const tr_part *part, m4_losses *losses,
                            int32_t *failed, m4_error *err) {
  wave job = {.crew = crew, .options = options, .part = part};
  M4_TRY(tr_replicas_refresh(crew->replicas, err));
  for (int32_t first = 0; first < count; first += crew->n_gradient_slots) {
    int32_t n = count - first < crew->n_gradient_slots ? count - first : crew->n_gradient_slots;
    job.items = items + first;
    job.first = first;
    run_wave(crew, n, slots_per_device(crew), gradient_task, &job);
    for (int32_t i = 0; i < n; ++i) {
      if (failed) *failed = first + i;
      m4_status status = collect(&crew->slots[i], items[first + i], &losses[first + i], err);
      if (status == M4_NUMERIC && part->skip_failed)
        leave_out(&crew->slots[i], &losses[first + i]);
      else
        M4_TRY(status);
    }
    crew->n_waiting = n;
    if (!crew->ranks && !crew->reduce) add_gradients(crew, n);
    if (!crew->ranks && crew->reduce) M4_TRY(reduce(crew, err));
  }
  return M4_OK;
}

m4_status tr_crew_reduce(tr_crew *crew, m4_error *err) {
  if (!crew->ranks) return M4_OK;
  if (crew->model->params[0]->dtype != AG_F32)
    return m4_fail(err, M4_USAGE, NULL, "several ranks add gradients of float32 only");
  return reduce(crew, err);
}

m4_status tr_crew_losses(tr_crew *crew, ds_item *const *items, int32_t count, const m4_loss_options *options,
                         m4_losses *losses, float *const *slowdown, m4_error *err) {
  wave job = {.crew = crew, .options = options};
  M4_TRY(tr_replicas_refresh(crew->replicas, err));
  for (int32_t first = 0; first < count; first += crew->n_slots) {
    int32_t n = count - first < crew->n_slots ? count - first : crew->n_slots;
    job.items = items + first;
    job.slowdown = slowdown ? slowdown + first : NULL;
    run_wave(crew, n, (n + n_devices(crew) - 1) / n_devices(crew), loss_task, &job);
    for (int32_t i = 0; i < n; ++i)
      M4_TRY(collect(&crew->slots[i], items[first + i], &losses[first + i], err));
  }
  return M4_OK;
}
