/* Active flows: what a session remembers of each, in reused slots. Knows session.h and roster. */
#ifndef INFER_SLOTS_H
#define INFER_SLOTS_H

#include "infer/roster.h"
#include "infer/session.h"

typedef struct inf_slot {
  int64_t tag;
  int32_t row; /* of the flows' state tables, the session's business */
  double release_ns;
  /* Predicted completion = base + slowdown * left * ideal; base is the release and left is 1 unless the ideal
   * FCT changed on the way. */
  double base_ns, left, ideal_fct_ns;
  double last_ns;  /* time of the last state update */
  double slowdown; /* predicted, >= 1 */
  int32_t *path;   /* [n_path], owned; kept for the next flow of the slot */
  int32_t n_path, path_capacity;
} inf_slot;

typedef struct inf_slots {
  inf_slot *list;      /* [n_slots] */
  int32_t *free_slots; /* [n_free], the last is taken next */
  int32_t n_slots, n_free;
  inf_roster active; /* all active flows by tag; row = slot */
} inf_slots;

static inline double inf_slot_finish_ns(const inf_slot *flow) {
  return flow->base_ns + flow->slowdown * flow->left * flow->ideal_fct_ns;
}

void inf_slots_free(inf_slots *slots);
/* Makes room for n_slots; existing slots keep their numbers. */
m4_status inf_slots_grow(inf_slots *slots, int32_t n_slots, m4_error *err);
/* Needs n_free > 0. */
m4_status inf_slots_take(inf_slots *slots, double time_ns, const inf_flow *flow, int32_t *slot,
                         m4_error *err);
void inf_slots_give_back(inf_slots *slots, int32_t slot);

#endif
