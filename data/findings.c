/* Findings of checks. */
#include "data/findings.h"

#include <stdarg.h>
#include <stdio.h>

m4_status ds_found(ds_findings *findings, const char *where, const char *fmt, ...) {
  char what[sizeof((m4_error *)0)->what];
  va_list arguments;
  va_start(arguments, fmt);
  vsnprintf(what, sizeof what, fmt, arguments);
  va_end(arguments);
  findings->count++;
  if (!findings->tell) return m4_fail(findings->err, M4_DATA, where, "%s", what);
  m4_error finding = {0};
  m4_fail(&finding, M4_DATA, where, "%s", what);
  findings->tell(findings->arg, &finding);
  return M4_OK;
}

m4_status ds_found_value(ds_findings *findings, ds_row_id row, int64_t index, int64_t value,
                         const char *rule) {
  return ds_found(findings, ds_schema[row].path, "value %lld at %lld %s", (long long)value, (long long)index,
                  rule);
}
