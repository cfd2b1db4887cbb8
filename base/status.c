/* Status values and error context. Knows nothing else. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

m4_status m4_fail(m4_error *err, m4_status status, const char *where, const char *fmt, ...) {
  if (!err) return status;
  err->status = status;
  err->hint[0] = '\0';
  snprintf(err->where, sizeof err->where, "%s", where ? where : "");
  va_list args;
  va_start(args, fmt);
  vsnprintf(err->what, sizeof err->what, fmt, args);
  va_end(args);
  return status;
}

m4_status m4_hint(m4_error *err, m4_status status, const char *fmt, ...) {
  if (!err) return status;
  va_list args;
  va_start(args, fmt);
  vsnprintf(err->hint, sizeof err->hint, fmt, args);
  va_end(args);
  return status;
}

m4_status m4_within(m4_error *err, m4_status status, const char *prefix) {
  if (!err) return status;
  const char *separator = err->where[0] ? ": " : "";
  char joined[sizeof err->where];
  size_t used = 0;
  const char *parts[] = {prefix, separator, err->where};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; ++i)
    for (const char *c = parts[i]; *c && used + 1 < sizeof joined; ++c) joined[used++] = *c;
  joined[used] = '\0';
  memcpy(err->where, joined, used + 1);
  return status;
}

int m4_exit_code(m4_status status) {
  switch (status) {
#define X(name, code, text)                                                                                  \
  case M4_##name:                                                                                            \
    return code;
    M4_STATUS_LIST(X)
#undef X
  }
  return 1;
}

const char *m4_status_text(m4_status status) {
  switch (status) {
#define X(name, code, text)                                                                                  \
  case M4_##name:                                                                                            \
    return text;
    M4_STATUS_LIST(X)
#undef X
  }
  return "unknown status";
}
