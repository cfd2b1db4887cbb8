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

static int64_t nodes_of(const inf_request *request) {
  return (int64_t)request->event.n_flows + request->event.n_links;
}

/* How many requests from `first` on are computed together. On the CPU as many as keep the multipliers busy:
 * with more, what one op leaves for the next no longer finds room in the cache. On a device all of them. */
static int32_t count_together(const inf_stack *stack, int32_t first) {
  enum { ENOUGH_NODES = 32 };
  int64_t nodes = 0;
  int32_t end = first;
  if (!ag_on_host(stack->work.model->backend)) return stack->n_waiting - first;
  while (end < stack->n_waiting && (end == first || nodes + nodes_of(stack->requests[end]) <= ENOUGH_NODES))
    nodes += nodes_of(stack->requests[end++]);
  return end - first;
}

static m4_status compute(inf_stack *stack, int32_t first, int32_t n, m4_error *err) {
  inf_stack_counters *counters = &stack->counters;
  M4_TRY(inf_work_step(&stack->work, stack->requests + first, n, err));
  ++counters->steps;
  counters->updates += (uint64_t)n;
  for (int32_t i = first; i < first + n; ++i) {
    const inf_request *request = stack->requests[i];
    counters->flows += (uint64_t)request->event.n_flows;
    counters->link_rows += (uint64_t)request->event.n_links;
    inf_session_take(stack->waiting[i], stack->work.heads + request->first_head);
  }
  return M4_OK;
}

m4_status inf_stack_step(inf_stack *stack, m4_error *err) {
  for (int32_t i = 0; i < stack->n_waiting; ++i) stack->requests[i] = inf_session_request(stack->waiting[i]);
  for (int32_t first = 0, n; first < stack->n_waiting; first += n) {
    n = count_together(stack, first);
    M4_TRY(compute(stack, first, n, err));
  }
  stack->n_waiting = 0;
  return M4_OK;
}

inf_stack_counters inf_stack_count(const inf_stack *stack) {
  return stack->counters;
}
