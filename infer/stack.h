/* Sessions whose events are computed together: each keeps its own clock, and a step takes the next event of
 * every session that waits (on the CPU small events together, large ones alone). What one session predicts
 * does not depend on the others: bit for bit where a row's bits do not depend on the rows computed with it
 * (autograd.h). One thread at a time. Knows session.h.
 */
#ifndef INFER_STACK_H
#define INFER_STACK_H

#include "infer/session.h"

typedef struct inf_stack inf_stack;

/* model: read-only, shared by any number of stacks on the CPU. */
m4_status inf_stack_create(inf_stack **stack, const m4_model *model, m4_error *err);
void inf_stack_free(inf_stack *stack); /* after its sessions; NULL accepted */

/* A session of the stack. After inf_arrive and inf_complete it may wait for its update; until the stack's
 * next step it takes no other event, and its predictions are those of before. */
m4_status inf_stack_session(inf_session **session, inf_stack *stack, int32_t n_links,
                            const inf_options *options, m4_error *err);
bool inf_waits(const inf_session *session);

/* Computes what sessions wait for; nothing when none does. A failure is of all of them; what a single session
 * met (a prediction that is not finite) is told by its inf_outcome. */
m4_status inf_stack_step(inf_stack *stack, m4_error *err);
m4_status inf_outcome(const inf_session *session, m4_error *err);

/* Facts for reports. */
typedef struct inf_stack_counters {
  uint64_t steps, updates;   /* updates: of single sessions */
  uint64_t flows, link_rows; /* rows computed */
} inf_stack_counters;
inf_stack_counters inf_stack_count(const inf_stack *stack);

#endif
