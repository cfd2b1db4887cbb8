/* Workers and their jobs under way; see stacked.h. */
#include "sim/stacked.h"

#include <stdatomic.h>
#include <stdlib.h>

typedef struct shared {
  const sim_stacked *jobs;
  _Atomic size_t next; /* job that nobody has taken up yet */
} shared;

/* A worker's own. */
typedef struct worker {
  const sim_stacked *jobs;
  inf_stack *stack;
  size_t *under_way; /* [count], at most n_places */
  int count;
} worker;

static m4_status open_worker(worker *mine, const sim_stacked *jobs, m4_error *err) {
  *mine = (worker){.jobs = jobs};
  mine->under_way = calloc((size_t)jobs->n_places, sizeof *mine->under_way);
  if (!mine->under_way) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d scenarios", jobs->n_places);
  return jobs->model ? sim_learned_stack(&mine->stack, jobs->model, err) : M4_OK;
}

static void close_worker(worker *mine) {
  inf_stack_free(mine->stack);
  free(mine->under_way);
}

static bool take_job(shared *all, size_t *job) {
  *job = atomic_fetch_add(&all->next, 1);
  return *job < all->jobs->n_jobs;
}

static void take_jobs_up(worker *mine, shared *all) {
  size_t job;
  while (mine->count < mine->jobs->n_places && take_job(all, &job)) mine->under_way[mine->count++] = job;
}

/* Those that are over make place. */
static void go_on(worker *mine) {
  int kept = 0;
  for (int i = 0; i < mine->count; i++)
    if (mine->jobs->go_on(mine->jobs->ctx, mine->under_way[i], mine->stack))
      mine->under_way[kept++] = mine->under_way[i];
  mine->count = kept;
}

static void step(worker *mine) {
  m4_error err = {0};
  m4_status status = mine->stack ? inf_stack_step(mine->stack, &err) : M4_OK;
  if (status == M4_OK) return;
  for (int i = 0; i < mine->count; i++) mine->jobs->fail(mine->jobs->ctx, mine->under_way[i], status, &err);
  mine->count = 0;
}

static void work(void *arg, size_t index, int number) {
  (void)index, (void)number;
  shared *all = arg;
  worker mine;
  m4_error err = {0};
  size_t job;
  m4_status status = open_worker(&mine, all->jobs, &err);
  while (status != M4_OK && take_job(all, &job)) all->jobs->fail(all->jobs->ctx, job, status, &err);
  for (take_jobs_up(&mine, all); mine.count > 0; take_jobs_up(&mine, all)) {
    go_on(&mine);
    step(&mine);
  }
  close_worker(&mine);
}

void sim_stacked_run(const sim_stacked *jobs, m4_pool *pool) {
  shared all = {.jobs = jobs};
  bool one = jobs->model && sim_learned_on_device(jobs->model);
  m4_parallel_for(pool, one ? 1 : (size_t)m4_pool_threads(pool), work, &all);
}
