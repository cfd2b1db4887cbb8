/* Where the time of a tape goes: calls, nanoseconds and products per op, and a trace that chrome://tracing
 * and Perfetto open. One profile per thread; merge them at the end. Without a profile an op pays one branch;
 * with one, two readings of the clock. Knows op names. */
#ifndef AG_PROFILE_H
#define AG_PROFILE_H

#include "autograd/autograd.h"

typedef struct ag_profile ag_profile;

/* Keeps the first `most_spans` spans for the trace; counts everything. */
m4_status ag_profile_create(ag_profile **profile, int64_t most_spans, m4_error *err);
void ag_profile_free(ag_profile *profile); /* NULL accepted */

/* From now on the tape's ops, and the products that form weight gradients, are counted (NULL = off). */
void ag_tape_profile(ag_tape *tape, ag_profile *profile);
void ag_grads_profile(ag_grads *grads, ag_profile *profile);

/* Monotonic clock. A caller's own span, for example a whole sample; `name` is not copied. */
int64_t ag_profile_now_ns(void);
void ag_profile_span(ag_profile *profile, const char *name, int64_t begin_ns, int64_t end_ns);

/* A line of the table: one op in one direction, or the weight-gradient products. */
typedef struct ag_profile_row {
  const char *name, *direction; /* "forward", "backward" */
  int64_t calls, ns;
  double flops; /* of matrix products; 0: bound by memory */
} ag_profile_row;

void ag_profile_merge(ag_profile *into, const ag_profile *from); /* counts only */
/* Rows with calls, largest time first; at most AG_PROFILE_ROWS. Times of ops leave out the products listed by
 * themselves. */
enum { AG_PROFILE_ROWS = 64 };
int ag_profile_rows(const ag_profile *profile, ag_profile_row rows[AG_PROFILE_ROWS]);

/* Chrome trace JSON of n profiles, one thread each; NULL entries are left out. */
m4_status ag_profile_write_trace(ag_profile *const *profiles, int n, const char *path, m4_error *err);

#endif
