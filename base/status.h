/* Status values and error context: every library function that can fail returns one and fills the other.
 * Knows nothing else. Libraries never print or exit; programs print m4_error and exit with m4_exit_code(). */
#ifndef M4_BASE_STATUS_H
#define M4_BASE_STATUS_H

/* name, exit code, text */
#define M4_STATUS_LIST(X)                                                                                    \
  X(OK, 0, "ok")                                                                                             \
  X(USAGE, 2, "usage or configuration error")                                                                \
  X(DATA, 3, "bad input data")                                                                               \
  X(IO, 4, "input/output error")                                                                             \
  X(MEMORY, 4, "out of memory")                                                                              \
  X(NUMERIC, 5, "numeric failure")                                                                           \
  X(INTERRUPTED, 130, "interrupted")                                                                         \
  X(INTERNAL, 1, "internal error")

typedef enum m4_status {
#define X(name, code, text) M4_##name,
  M4_STATUS_LIST(X)
#undef X
} m4_status;

/* What failed, where, the value seen and what to do about it. All texts are owned by the struct.
 * Zero-initialise before use; reusable. A NULL m4_error * is accepted everywhere: the status alone is
 * returned. */
typedef struct m4_error {
  m4_status status;
  char what[384];  /* "batch_size is 0, must be between 1 and 4096" */
  char where[512]; /* "train.yaml:12:15: training.batch_size" or a file and dataset; may be empty */
  char hint[256];  /* "did you mean ...?"; may be empty */
} m4_error;

/* Fills err (may be NULL) and returns status, so that `return m4_fail(...)` reads well. `where` may be NULL.
 */
m4_status m4_fail(m4_error *err, m4_status status, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Adds a hint to the error just made; returns its status. */
m4_status m4_hint(m4_error *err, m4_status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before err->where: callers add the file or scenario a lower room did not know. Returns
 * err's status. */
m4_status m4_within(m4_error *err, m4_status status, const char *prefix);

/* Process exit code and short text of a status (docs: contracts, "Exit codes"). */
int m4_exit_code(m4_status status);
const char *m4_status_text(m4_status status);

/* Returns from the calling function when expr is not M4_OK. */
#define M4_TRY(expr)                                                                                         \
  do {                                                                                                       \
    m4_status m4_try_status_ = (expr);                                                                       \
    if (m4_try_status_ != M4_OK) return m4_try_status_;                                                      \
  } while (0)

#endif
