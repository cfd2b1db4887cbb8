/* What the parts of a test share; not for other rooms. */
#ifndef TRAIN_TEST_PARTS_H
#define TRAIN_TEST_PARTS_H

#include "base/file.h"
#include "data/prefetch.h"
#include "train/test.h"

/* What a forward pass of one period leaves behind until it is written. */
typedef struct tr_prediction {
  float *slowdown, *size, *queue;
  m4_losses losses;
  m4_status status;
  m4_error error;
} tr_prediction;

/* ---- test_rows.c: rows and CSV files ---- */

typedef struct tr_test_files {
  m4_outfile flows, size, queue;
} tr_test_files;

m4_status tr_test_files_open(tr_test_files *files, const char *dir, m4_error *err);
m4_status tr_test_files_commit(tr_test_files *files, m4_error *err);
void tr_test_files_abandon(tr_test_files *files);

/* Appends the flows of a period to result->rows [capacity] and to flows.csv. */
m4_status tr_add_flows(tr_test_result *result, int64_t *capacity, tr_test_files *files,
                       const tr_test_job *job, const ds_item *item, const tr_prediction *guess,
                       m4_error *err);

/* ---- test_heads.c: the auxiliary heads ---- */

/* Writes size.csv and queue.csv and adds to result->size and ->queue, whose mean fields hold sums meanwhile.
 */
m4_status tr_add_readouts(tr_test_result *result, tr_test_files *files, const tr_test_job *job,
                          const ds_item *item, const tr_prediction *guess, m4_error *err);
/* Keeps the pair when its number (counted from 0) is a multiple of the stride, which doubles when there are
 * too many pairs. False without memory. */
bool tr_keep_pair(tr_pairs *pairs, int64_t number, float truth, float predicted);
/* From sums to means and percentiles. */
m4_status tr_finish_head(tr_head_quality *head, m4_error *err);

/* ---- test_example.c ---- */

/* Takes the period as example when it is the longest so far. */
m4_status tr_take_example(tr_test_result *result, const tr_test_job *job, const ds_item *item,
                          const tr_prediction *guess, m4_error *err);
void tr_example_free(tr_example *example);

/* ---- test_summary.c ---- */
m4_status tr_write_summary(const tr_test_job *job, const tr_test_result *result, m4_error *err);

#endif
