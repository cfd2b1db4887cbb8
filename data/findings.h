/* What a check finds wrong in stored facts: readers stop at the first finding, audits are told every one.
 * Knows the schema. */
#ifndef DATA_FINDINGS_H
#define DATA_FINDINGS_H

#include "data/schema.h"

/* Zero with only `err` set: the first finding is the error. With `tell`: it gets every finding, checks go on.
 */
typedef struct ds_findings {
  void (*tell)(void *arg, const m4_error *finding);
  void *arg;
  m4_error *err;
  int64_t count; /* so far */
} ds_findings;

/* M4_OK when the check shall go on, else M4_DATA. where: path of a dataset, or of a file. */
m4_status ds_found(ds_findings *findings, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "value V at I RULE" in the dataset of a row of the schema. */
m4_status ds_found_value(ds_findings *findings, ds_row_id row, int64_t index, int64_t value,
                         const char *rule);

#endif
