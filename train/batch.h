/* Samples through the model in parallel, one whole sample per thread: gradients of a batch, losses of a
 * validation set. Everything is reduced in sample order, so the bits do not depend on the number of threads.
 * Knows nn and data. Source: training.md 7, design.md. */
#ifndef TRAIN_BATCH_H
#define TRAIN_BATCH_H

#include "base/ranks.h"
#include "base/threads.h"
#include "data/prefetch.h"
#include "nn/m4_pass.h"

/* Workspaces (one per thread), gradient buffers (one per sample in flight) and the gradient of the running
 * step. */
typedef struct tr_crew tr_crew;

/* others[n_others]: backends of further devices, which share the samples of every call with the model's;
 * their number changes no bit. budget_bytes: tape memory per sample. batch_size: most samples of a call for
 * gradients; 0: losses only. ranks: processes that share every step, each with samples of its own; NULL =
 * one. */
enum { TR_MOST_DEVICES = 64 };
m4_status tr_crew_create(tr_crew **crew, const m4_model *model, const ag_backend *const *others, int n_others,
                         m4_pool *pool, m4_ranks *ranks, size_t budget_bytes, int32_t batch_size,
                         m4_error *err);
void tr_crew_free(tr_crew *crew); /* NULL accepted */
/* Before the first gradients, on every rank once all of them have their crew: a way to add what devices and
 * ranks compute. M4_USAGE: some ranks are on GPUs and some are not, or not on as many. */
m4_status tr_crew_connect(tr_crew *crew, m4_error *err);
/* Makes of a busy period what a simulation with the model would live through (infer/unfold.h has the only
 * one; this room does not know simulations). most_bytes: what it needs of the arena. */
typedef struct tr_unfolder {
  size_t (*most_bytes)(const m4_sample *forced);
  m4_status (*unfold)(m4_sample **sample, const m4_model *model, const m4_period *facts,
                      const m4_sample *forced, m4_arena *arena, m4_error *err);
} tr_unfolder;
/* From now on about this share of the samples of every step is unfolded with the weights of the moment, and
 * all samples of tr_crew_losses are (tr_lesson). */
m4_status tr_crew_unfold(tr_crew *crew, tr_unfolder unfolder, double share, m4_error *err);

/* From now on every pass is counted, and the first ones are traced (profile.h). */
m4_status tr_crew_profile(tr_crew *crew, m4_error *err);
ag_profile *const *tr_crew_profiles(const tr_crew *crew, int *n); /* one per thread; none when off */
const char *
tr_crew_note(const tr_crew *crew); /* how devices add up, when there is something to say; or NULL */
size_t tr_crew_peak_bytes(const tr_crew *crew); /* of the tapes so far */

/* The part of an optimiser step that a call computes. Samples are numbered over the whole step: dropout masks
 * depend on (seed, step, number), so that it does not matter how a step is cut into calls and ranks. */
typedef struct tr_part {
  uint64_t rng_seed;
  int64_t step;
  int64_t first;     /* number of items[0] within the step */
  double scale;      /* 1 / samples of the step */
  bool check_finite; /* look at every sample's gradient */
  bool skip_failed; /* a sample that is not finite adds nothing, and its losses are NaN, instead of M4_NUMERIC
                     */
} tr_part;
ag_rng_state tr_part_rng(const tr_part *part, int64_t item); /* of items[item] */

/* What is learned from an item: from its sample, or from that unfolded. Where some samples are unfolded, the
 * others teach sizes and queues only: time tells different things of flows that leave when they did and of
 * flows that leave when the model says so. */
typedef struct tr_lesson {
  const m4_sample *sample;
  m4_loss_options options;
} tr_lesson;
/* Of items[number] of a part; part NULL: losses only. An unfolded sample lies in arena, which is made large
 * enough. */
m4_status tr_crew_lesson(const tr_crew *crew, const ds_item *item, const m4_loss_options *options,
                         const tr_part *part, int64_t number, m4_arena *arena, tr_lesson *lesson,
                         m4_error *err);

/* Adds the items' gradients to the step's, in order. losses[count]: of every item. M4_NUMERIC, naming the
 * period, when a loss or gradient is not finite: *failed (may be NULL) is that item then. */
m4_status tr_crew_gradients(tr_crew *crew, ds_item *const *items, int32_t count,
                            const m4_loss_options *options, const tr_part *part, m4_losses *losses,
                            int32_t *failed, m4_error *err);
/* After tr_crew_gradients on every rank: adds what the ranks computed, rank by rank, sample by sample. One
 * rank: nothing left to do. */
m4_status tr_crew_reduce(tr_crew *crew, m4_error *err);
ag_grads *tr_crew_total(const tr_crew *crew); /* the step's gradient so far */
void tr_crew_clear(tr_crew *crew);            /* begins a new step */

/* Losses only. slowdown: NULL, or where the predictions of every item go ([n_flows] each). */
m4_status tr_crew_losses(tr_crew *crew, ds_item *const *items, int32_t count, const m4_loss_options *options,
                         m4_losses *losses, float *const *slowdown, m4_error *err);

#endif
