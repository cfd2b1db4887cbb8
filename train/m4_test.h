/* What the files of m4-test share. */
#ifndef TRAIN_M4_TEST_H
#define TRAIN_M4_TEST_H

#include "train/config.h"
#include "train/test_buckets.h"

enum { TEST_PATH_BYTES = 4096, TEST_LABEL_BYTES = 256 };

/* ---- m4_test_list.c: which busy periods ---- */

typedef struct test_list {
  int64_t *periods;
  int64_t count;
} test_list;

/* run: folder whose data_list.json says which (its train list when on_train, else its test list), or NULL:
 * every usable period. At most test.max_samples of them, drawn at random, ascending. M4_DATA when none is
 * left. */
m4_status test_list_make(test_list *list, const ds_dataset *dataset, const char *run, bool on_train,
                         const tr_config *values, m4_error *err);
void test_list_free(test_list *list);

/* ---- m4_test_models.c: what is tested, and what it is called ---- */

typedef struct test_model {
  char checkpoint[TEST_PATH_BYTES];
  char label[TEST_LABEL_BYTES]; /* unique, as short as can be */
  char folder[TEST_PATH_BYTES]; /* its results */
} test_model;

/* The checkpoints given, or the best of the run; one model's results lie in `out` itself. M4_USAGE when there
 * is nothing to test. */
m4_status test_models_make(test_model **models, int *n_models, const m4_text_list *checkpoints,
                           const char *run, const char *out, m4_error *err);

/* ---- m4_test_print.c ---- */

m4_status test_print(const tr_test_result *results, int n_results, m4_error *err);

#endif
