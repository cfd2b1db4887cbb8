/* A growing list of (key, row) pairs in ascending key order: active flows by tag, links by number. Knows
 * base. */
#ifndef INFER_ROSTER_H
#define INFER_ROSTER_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct inf_member {
  int64_t key;
  int32_t row;
} inf_member;

/* Zero-initialise before use. Memory is kept when members leave. */
typedef struct inf_roster {
  inf_member *members; /* [count], keys strictly ascending */
  int32_t count, capacity;
} inf_roster;

void inf_roster_free(inf_roster *roster);
/* The key must not be there yet. */
m4_status inf_roster_add(inf_roster *roster, int64_t key, int32_t row, m4_error *err);
/* A key that is not there is ignored. */
void inf_roster_remove(inf_roster *roster, int64_t key);
/* Row of a key; -1 when absent. */
int32_t inf_roster_find(const inf_roster *roster, int64_t key);
/* Moves all members of `other` here; `other` is empty then. No key may be in both. */
m4_status inf_roster_absorb(inf_roster *roster, inf_roster *other, m4_error *err);

#endif
