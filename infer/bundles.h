/* Links whose states are equal because the same flows came and went on all of them since they were last in
 * their initial state: they share one row of the state table and are computed once. This is exact: equal rows
 * with equal neighbours stay equal in every bit. Knows base. */
#ifndef INFER_BUNDLES_H
#define INFER_BUNDLES_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Row 0 is the initial state. */
typedef struct inf_bundles {
  int32_t *row;       /* [n_links] state row of a link */
  int32_t *n_members; /* [n_links + 1] links of a row */
  int32_t *free_rows; /* [n_free] */
  int32_t n_links, n_free;
  bool keep_initial; /* row 0 must stay as it is, because links return to it */
} inf_bundles;

/* All links in row 0. Rows never exceed n_links. keep_initial: links that become idle are reset. */
m4_status inf_bundles_init(inf_bundles *bundles, int32_t n_links, bool keep_initial, m4_error *err);
void inf_bundles_free(inf_bundles *bundles); /* zeroed structs are accepted */

/* Row `to` starts as a copy of row `from`. */
typedef struct inf_bundle_copy {
  int32_t from, to;
} inf_bundle_copy;

/* A flow arrives on path [n_path]: bundles of which it takes only a part are split. copies [n_path] receives
 * what the state table must do, in order; returns how many. */
int32_t inf_bundles_join(inf_bundles *bundles, const int32_t *path, int32_t n_path, inf_bundle_copy *copies);
/* A link whose last flow has left returns to row 0. Returns the row that nobody is in any more; -1: none. */
int32_t inf_bundles_reset(inf_bundles *bundles, int32_t link);

#endif
