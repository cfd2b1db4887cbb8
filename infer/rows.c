/* Free rows. Knows base. */
#include "infer/rows.h"

#include <stdlib.h>
#include <string.h>

void inf_rows_free(inf_rows *rows) {
  free(rows->free_rows);
  memset(rows, 0, sizeof *rows);
}

m4_status inf_rows_grow(inf_rows *rows, int32_t n_rows, m4_error *err) {
  int32_t *larger = realloc(rows->free_rows, (size_t)n_rows * sizeof *larger);
  if (!larger) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d rows of a table", (int)n_rows);
  rows->free_rows = larger;
  for (int32_t row = n_rows - 1; row >= rows->n_rows; --row) inf_rows_give_back(rows, row);
  rows->n_rows = n_rows;
  return M4_OK;
}
