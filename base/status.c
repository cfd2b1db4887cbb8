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
  char joined[sizeof err->where];
  const char *separator = err->where[0] ? ": " : "";
  int length = snprintf(joined, sizeof joined, "%s%s", prefix, separator);
  if (length < 0 || (size_t)length >= sizeof joined) length = (int)sizeof joined - 1;
  strncat(joined, err->where, sizeof joined - 1 - (size_t)length);
  memcpy(err->where, joined, sizeof joined);
  return status;
}

int m4_exit_code(m4_status status) {
  switch (status) {
#define X(name, code, text)                                                                                  \
  case M4_##name: return code;
    M4_STATUS_LIST(X)
#undef X
  }
  return 1;
}

const char *m4_status_text(m4_status status) {
  switch (status) {
#define X(name, code, text)                                                                                  \
  case M4_##name: return text;
    M4_STATUS_LIST(X)
#undef X
  }
  return "unknown status";
}
