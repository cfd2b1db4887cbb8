/* Rows of a table that are taken one at a time and given back. Knows base. */
#ifndef INFER_ROWS_H
#define INFER_ROWS_H

#include "base/status.h"

#include <stdint.h>

/* Zero-initialise before use. */
typedef struct inf_rows {
  int32_t *free_rows; /* [n_free], the last is taken next */
  int32_t n_rows, n_free;
} inf_rows;

void inf_rows_free(inf_rows *rows);
/* There are n_rows now, the new ones free. */
m4_status inf_rows_grow(inf_rows *rows, int32_t n_rows, m4_error *err);
/* Needs n_free > 0. */
static inline int32_t inf_rows_take(inf_rows *rows) {
  return rows->free_rows[--rows->n_free];
}
static inline void inf_rows_give_back(inf_rows *rows, int32_t row) {
  rows->free_rows[rows->n_free++] = row;
}

#endif
