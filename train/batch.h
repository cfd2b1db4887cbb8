/* Samples through the model in parallel, one whole sample per thread: gradients of a batch, losses of a
 * validation set. Everything is reduced in sample order, so the bits do not depend on the number of threads.
 * Knows nn and data. Source: training.md 7, design.md. */
#ifndef TRAIN_BATCH_H
#define TRAIN_BATCH_H

#include "base/threads.h"
#include "data/prefetch.h"
#include "nn/m4_pass.h"
#include "train/checkpoint.h"

/* Workspaces (one per thread) and gradient buffers (one per sample in flight, one for the sum). */
typedef struct tr_crew tr_crew;

/* budget_bytes: tape memory per sample. gradients false: forward only, no gradient buffers. */
m4_status tr_crew_create(tr_crew **crew, const m4_model *model, m4_pool *pool, size_t budget_bytes,
                         int32_t batch_size, bool gradients, m4_error *err);
void tr_crew_free(tr_crew *crew);               /* NULL accepted */
size_t tr_crew_peak_bytes(const tr_crew *crew); /* of the tapes so far */

/* Gradient of the mean loss of `count` items, left in *grads (owned by the crew, valid until the next call).
 * losses: means over the items; sums += totals over the items. rng_seed and step choose the dropout masks. A
 * non-finite loss is M4_NUMERIC naming the period. */
m4_status tr_crew_gradients(tr_crew *crew, ds_item *const *items, int32_t count,
                            const m4_loss_options *options, uint64_t rng_seed, int64_t step, ag_grads **grads,
                            m4_losses *losses, tr_sums *sums, m4_error *err);
/* Losses only, added to sums. */
m4_status tr_crew_losses(tr_crew *crew, ds_item *const *items, int32_t count, const m4_loss_options *options,
                         tr_sums *sums, m4_error *err);

#endif
