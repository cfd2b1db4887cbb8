/* Reads ahead: a fixed number of slots, each with its own memory. A thread takes a free slot together with
 * the next position, so the earliest undelivered position always has a slot. Knows dataset, m4_inputs and
 * threads. */
#include "data/prefetch.h"

#include "base/arena.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Address space per sample; memory is used only where written. Slots that grew beyond KEEP_BYTES are returned
 * to the system. */
static const size_t MIN_RESERVE_BYTES = (size_t)64 << 20, MAX_RESERVE_BYTES = (size_t)16 << 30,
                    KEEP_BYTES = (size_t)64 << 20;
enum { BYTES_PER_ACTIVE_FLOW = 1024, MAX_READERS = 1024 };

typedef enum slot_state { SLOT_FREE, SLOT_WORKING, SLOT_READY, SLOT_HELD } slot_state;

typedef struct slot {
  ds_item item; /* first: an item pointer is a slot pointer */
  slot_state state;
  m4_arena arena;
  m4_status status;
  m4_error error;
} slot;

struct ds_prefetch {
  ds_dataset *dataset;
  int64_t *periods;
  int64_t count;
  m4_size_feature kind;
  int n_slots, n_threads;
  slot *slots;
  pthread_t *threads;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  /* guarded by the mutex: */
  int64_t next_taken, next_delivered;
  bool stopping;
};

/* ---- readers ---- */

static size_t reserve_for(const ds_prefetch *p, int64_t period) {
  if (period < 0 || period >= ds_n_periods(p->dataset)) return MIN_RESERVE_BYTES;
  ds_period_info info = ds_period(p->dataset, period);
  size_t bytes =
      MIN_RESERVE_BYTES + 2 * (size_t)info.n_flows * (size_t)info.max_active * BYTES_PER_ACTIVE_FLOW;
  return bytes < MAX_RESERVE_BYTES ? bytes : MAX_RESERVE_BYTES;
}

static m4_status ready_arena(m4_arena *arena, size_t reserve, m4_error *err) {
  m4_arena_release(arena, 0);
  if (arena->base && arena->reserved_bytes >= reserve && arena->peak_bytes <= KEEP_BYTES) return M4_OK;
  m4_arena_free(arena);
  return m4_arena_init(arena, reserve, err);
}

static void prepare(const ds_prefetch *p, slot *s) {
  ds_item *item = &s->item;
  memset(&s->error, 0, sizeof s->error);
  s->status = ready_arena(&s->arena, reserve_for(p, item->period), &s->error);
  if (s->status == M4_OK)
    s->status =
        ds_read_period(p->dataset, item->period, &s->arena, &item->facts, &item->flowsim_fct_ns, &s->error);
  if (s->status == M4_OK)
    s->status = m4_sample_from_period(&item->sample, &item->facts, p->kind, &s->arena, &s->error);
}

static slot *find_free(ds_prefetch *p) {
  for (int i = 0; i < p->n_slots; ++i)
    if (p->slots[i].state == SLOT_FREE) return &p->slots[i];
  return NULL;
}

/* Waits for a slot and a position; NULL when there is nothing left to do. Called with the mutex held. */
static slot *take_work(ds_prefetch *p) {
  for (;;) {
    if (p->stopping || p->next_taken == p->count) return NULL;
    slot *s = find_free(p);
    if (s) {
      s->state = SLOT_WORKING;
      s->item = (ds_item){.position = p->next_taken, .period = p->periods[p->next_taken]};
      p->next_taken++;
      return s;
    }
    pthread_cond_wait(&p->changed, &p->mutex);
  }
}

static void *read_ahead(void *argument) {
  ds_prefetch *p = argument;
  pthread_mutex_lock(&p->mutex);
  for (slot *s; (s = take_work(p));) {
    pthread_mutex_unlock(&p->mutex);
    prepare(p, s);
    pthread_mutex_lock(&p->mutex);
    s->state = SLOT_READY;
    pthread_cond_broadcast(&p->changed);
  }
  pthread_mutex_unlock(&p->mutex);
  return NULL;
}

/* ---- the consumer ---- */

static m4_status start_threads(ds_prefetch *p, int n_threads, m4_error *err) {
  for (; p->n_threads < n_threads; p->n_threads++)
    if (pthread_create(&p->threads[p->n_threads], NULL, read_ahead, p) != 0)
      return m4_fail(err, M4_MEMORY, NULL, "cannot start reader thread %d of %d", p->n_threads + 1,
                     n_threads);
  return M4_OK;
}

m4_status ds_prefetch_create(ds_prefetch **prefetch, ds_dataset *dataset, const int64_t *periods,
                             int64_t count, m4_size_feature kind, int n_threads, int ahead, m4_error *err) {
  *prefetch = NULL;
  if (n_threads < 1 || n_threads > MAX_READERS || ahead < 1 || count < 0)
    return m4_fail(err, M4_USAGE, NULL,
                   "%d reader threads, %d samples ahead: threads must be 1 to %d, samples at least 1",
                   n_threads, ahead, MAX_READERS);
  ds_prefetch *p = calloc(1, sizeof *p);
  if (!p) return m4_fail(err, M4_MEMORY, NULL, "no memory to read ahead");
  *p = (ds_prefetch){.dataset = dataset, .count = count, .kind = kind, .n_slots = ahead};
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->changed, NULL);
  p->periods = malloc((size_t)(count + 1) * sizeof *p->periods);
  p->slots = calloc((size_t)ahead, sizeof *p->slots);
  p->threads = calloc((size_t)n_threads, sizeof *p->threads);
  m4_status status = M4_OK;
  if (!p->periods || !p->slots || !p->threads)
    status = m4_fail(err, M4_MEMORY, NULL, "no memory to read %d samples ahead", ahead);
  if (status == M4_OK && count > 0) memcpy(p->periods, periods, (size_t)count * sizeof *periods);
  if (status == M4_OK) status = start_threads(p, n_threads, err);
  if (status != M4_OK)
    ds_prefetch_free(p);
  else
    *prefetch = p;
  return status;
}

void ds_prefetch_free(ds_prefetch *prefetch) {
  if (!prefetch) return;
  pthread_mutex_lock(&prefetch->mutex);
  prefetch->stopping = true;
  pthread_cond_broadcast(&prefetch->changed);
  pthread_mutex_unlock(&prefetch->mutex);
  for (int i = 0; i < prefetch->n_threads; ++i) pthread_join(prefetch->threads[i], NULL);
  for (int i = 0; prefetch->slots && i < prefetch->n_slots; ++i) m4_arena_free(&prefetch->slots[i].arena);
  pthread_cond_destroy(&prefetch->changed);
  pthread_mutex_destroy(&prefetch->mutex);
  free(prefetch->threads);
  free(prefetch->slots);
  free(prefetch->periods);
  free(prefetch);
}

static slot *find_ready(ds_prefetch *p, int64_t position) {
  for (int i = 0; i < p->n_slots; ++i)
    if (p->slots[i].state == SLOT_READY && p->slots[i].item.position == position) return &p->slots[i];
  return NULL;
}

m4_status ds_prefetch_next(ds_prefetch *prefetch, ds_item **item, m4_error *err) {
  *item = NULL;
  pthread_mutex_lock(&prefetch->mutex);
  if (prefetch->next_delivered == prefetch->count) {
    pthread_mutex_unlock(&prefetch->mutex);
    return M4_OK;
  }
  slot *s;
  while (!(s = find_ready(prefetch, prefetch->next_delivered)))
    pthread_cond_wait(&prefetch->changed, &prefetch->mutex);
  prefetch->next_delivered++;
  m4_status status = s->status;
  if (status == M4_OK) {
    s->state = SLOT_HELD;
    *item = &s->item;
  } else {
    if (err) *err = s->error;
    s->state = SLOT_FREE;
    pthread_cond_broadcast(&prefetch->changed);
  }
  pthread_mutex_unlock(&prefetch->mutex);
  return status;
}

void ds_prefetch_return(ds_prefetch *prefetch, ds_item *item) {
  if (!item) return;
  slot *s = (slot *)item;
  pthread_mutex_lock(&prefetch->mutex);
  s->state = SLOT_FREE;
  pthread_cond_broadcast(&prefetch->changed);
  pthread_mutex_unlock(&prefetch->mutex);
}
