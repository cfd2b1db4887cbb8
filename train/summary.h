/* What is printed before training: the model module by module, the data, the memory plan. Knows nn and data.
 */
#ifndef TRAIN_SUMMARY_H
#define TRAIN_SUMMARY_H

#include "base/log.h"
#include "base/threads.h"
#include "train/config.h"

void tr_print_summary(m4_log *log, const tr_config *values, const m4_model *model, const ds_dataset *dataset,
                      const ds_split *split, const m4_pool *pool, int n_ranks, int64_t total_steps);

#endif
