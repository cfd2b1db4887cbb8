/* What the parts of an audit share; not for others. */
#ifndef DATA_AUDIT_PARTS_H
#define DATA_AUDIT_PARTS_H

#include "data/audit.h"

typedef struct ds_shard_name {
  char *scenario;
  const char *path; /* of the shard */
} ds_shard_name;

/* The audit of one folder, at one shard. */
typedef struct ds_auditor {
  ds_findings *findings; /* the caller's */
  const char *path;      /* of the shard in hand */
  const char *scenario;  /* in hand; may be NULL */
  const ds_campaign *campaign;
  ds_audit_report *report;
  ds_shard_name *names; /* [n_names] of all scenarios */
  int64_t n_names, capacity;
  char *config, *generator; /* of the first shard */
  uint64_t seed;
  const char *first_path;
} ds_auditor;

/* Puts the place in hand before a finding: `tell` of ds_findings whose arg is a ds_auditor. */
void ds_tell_with_place(void *arg, const m4_error *finding);
/* The shard a->path: layout, origin, descriptions, content. */
m4_status ds_audit_shard(ds_auditor *a, m4_error *err);

#endif
