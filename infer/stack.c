/* Steps of several sessions. Knows the inside of sessions. */
#include "infer/stack.h"

#include "infer/session_internal.h"

#include <stdlib.h>

m4_status inf_stack_create(inf_stack **stack, const m4_model *model, m4_error *err) {
  inf_stack *made = *stack = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a stack of sessions");
  m4_status status = inf_work_init(&made->work, model, err);
  if (status == M4_OK) return M4_OK;
  free(made);
  *stack = NULL;
  return status;
}

void inf_stack_free(inf_stack *stack) {
  if (!stack) return;
  inf_work_free(&stack->work);
  free(stack->waiting);
  free(stack->requests);
  free(stack);
}

m4_status inf_stack_admit(inf_stack *stack, m4_error *err) {
  if (stack->n_sessions == stack->capacity) {
    int32_t capacity = stack->capacity ? 2 * stack->capacity : 4;
    inf_session **waiting = realloc(stack->waiting, (size_t)capacity * sizeof(inf_session *));
    if (waiting) stack->waiting = waiting;
    inf_request **requests = realloc(stack->requests, (size_t)capacity * sizeof(inf_request *));
    if (requests) stack->requests = requests;
    if (!waiting || !requests)
      return m4_fail(err, M4_MEMORY, NULL, "no memory for %d sessions", (int)capacity);
    stack->capacity = capacity;
  }
  ++stack->n_sessions;
  return M4_OK;
}

void inf_stack_dismiss(inf_stack *stack, const inf_session *session) {
  int32_t kept = 0;
  for (int32_t i = 0; i < stack->n_waiting; ++i)
    if (stack->waiting[i] != session) stack->waiting[kept++] = stack->waiting[i];
  stack->n_waiting = kept;
  --stack->n_sessions;
}

void inf_stack_enqueue(inf_stack *stack, inf_session *session) {
  stack->waiting[stack->n_waiting++] = session;
}

static void count_step(inf_stack *stack) {
  inf_stack_counters *counters = &stack->counters;
  ++counters->steps;
  counters->updates += (uint64_t)stack->n_waiting;
  for (int32_t i = 0; i < stack->n_waiting; ++i) {
    counters->flows += (uint64_t)stack->requests[i]->event.n_flows;
    counters->link_rows += (uint64_t)stack->requests[i]->event.n_links;
  }
}

m4_status inf_stack_step(inf_stack *stack, m4_error *err) {
  int32_t n = stack->n_waiting;
  if (n == 0) return M4_OK;
  for (int32_t i = 0; i < n; ++i) stack->requests[i] = inf_session_request(stack->waiting[i]);
  M4_TRY(inf_work_step(&stack->work, stack->requests, n, err));
  count_step(stack);
  for (int32_t i = 0; i < n; ++i)
    inf_session_take(stack->waiting[i], stack->work.heads + stack->requests[i]->first_head);
  stack->n_waiting = 0;
  return M4_OK;
}

inf_stack_counters inf_stack_count(const inf_stack *stack) {
  return stack->counters;
}
