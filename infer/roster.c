/* A sorted growing list. Knows base. */
#include "infer/roster.h"

#include <stdlib.h>
#include <string.h>

void inf_roster_free(inf_roster *roster) {
  free(roster->members);
  memset(roster, 0, sizeof *roster);
}

static m4_status reserve(inf_roster *roster, int64_t count, m4_error *err) {
  if (count <= roster->capacity) return M4_OK;
  int64_t capacity = roster->capacity ? 2 * (int64_t)roster->capacity : 16;
  if (capacity < count) capacity = count;
  if (capacity > INT32_MAX) return m4_fail(err, M4_MEMORY, NULL, "more than 2^31 members in one component");
  inf_member *larger = realloc(roster->members, (size_t)capacity * sizeof *larger);
  if (!larger)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld members of a component", (long long)capacity);
  roster->members = larger;
  roster->capacity = (int32_t)capacity;
  return M4_OK;
}

/* Index of the first member whose key is not below `key`. Most keys are newer than all others. */
static int32_t lower_bound(const inf_roster *roster, int64_t key) {
  int32_t low = 0, high = roster->count;
  if (high > 0 && roster->members[high - 1].key < key) return high;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    if (roster->members[middle].key < key)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool holds(const inf_roster *roster, int32_t i, int64_t key) {
  return i < roster->count && roster->members[i].key == key;
}

m4_status inf_roster_add(inf_roster *roster, int64_t key, int32_t row, m4_error *err) {
  M4_TRY(reserve(roster, (int64_t)roster->count + 1, err));
  int32_t i = lower_bound(roster, key);
  inf_member *place = roster->members + i;
  memmove(place + 1, place, (size_t)(roster->count - i) * sizeof *place);
  *place = (inf_member){key, row};
  ++roster->count;
  return M4_OK;
}

void inf_roster_remove(inf_roster *roster, int64_t key) {
  int32_t i = lower_bound(roster, key);
  if (!holds(roster, i, key)) return;
  inf_member *place = roster->members + i;
  --roster->count;
  memmove(place, place + 1, (size_t)(roster->count - i) * sizeof *place);
}

int32_t inf_roster_find(const inf_roster *roster, int64_t key) {
  int32_t i = lower_bound(roster, key);
  return holds(roster, i, key) ? roster->members[i].row : -1;
}

m4_status inf_roster_absorb(inf_roster *roster, inf_roster *other, m4_error *err) {
  M4_TRY(reserve(roster, (int64_t)roster->count + other->count, err));
  int32_t mine = roster->count, theirs = other->count;
  roster->count += theirs;
  /* Merged from the end, so that nothing is overwritten before it has moved. */
  for (int32_t place = roster->count - 1; theirs > 0; --place) {
    bool take_mine = mine > 0 && roster->members[mine - 1].key > other->members[theirs - 1].key;
    roster->members[place] = take_mine ? roster->members[--mine] : other->members[--theirs];
  }
  other->count = 0;
  return M4_OK;
}
