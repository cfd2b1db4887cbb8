/* Counting and tracing. Knows nodes by their shapes; no arithmetic of ops. */
#include "autograd/profile.h"

#include "autograd/tape.h"
#include "base/file.h"

#include <stdlib.h>
#include <time.h>

enum { FORWARD, BACKWARD, DIRECTIONS, WEIGHTS = AG_OP_COUNT, N_KINDS };

typedef struct span {
  const char *name, *direction;
  int64_t begin_ns, end_ns;
} span;

typedef struct counter {
  int64_t calls, ns;
  double flops;
} counter;

struct ag_profile {
  counter counters[N_KINDS][DIRECTIONS];
  int64_t inner_ns; /* of weight gradients since the running op began */
  span *spans;
  int64_t n_spans, most_spans;
};

m4_status ag_profile_create(ag_profile **profile, int64_t most_spans, m4_error *err) {
  *profile = calloc(1, sizeof **profile);
  span *spans = calloc(most_spans > 0 ? (size_t)most_spans : 1, sizeof *spans);
  if (!*profile || !spans) {
    free(*profile);
    free(spans);
    *profile = NULL;
    return m4_fail(err, M4_MEMORY, NULL, "no memory for a profile of %lld spans", (long long)most_spans);
  }
  (*profile)->spans = spans;
  (*profile)->most_spans = most_spans;
  return M4_OK;
}

void ag_profile_free(ag_profile *profile) {
  if (!profile) return;
  free(profile->spans);
  free(profile);
}

void ag_tape_profile(ag_tape *tape, ag_profile *profile) {
  tape->profile = profile;
}

int64_t ag_profile_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void keep_span(ag_profile *profile, const char *name, const char *direction, int64_t begin_ns,
                      int64_t end_ns) {
  if (profile->n_spans < profile->most_spans)
    profile->spans[profile->n_spans++] = (span){name, direction, begin_ns, end_ns};
}

void ag_profile_span(ag_profile *profile, const char *name, int64_t begin_ns, int64_t end_ns) {
  if (profile) keep_span(profile, name, "", begin_ns, end_ns);
}

/* ---- counting ---- */

static const char *const direction_names[DIRECTIONS] = {"forward", "backward"};

static void count(ag_profile *profile, int kind, int direction, const char *name, int64_t begin_ns,
                  double flops) {
  int64_t end_ns = ag_profile_now_ns(), ns = end_ns - begin_ns;
  counter *c = &profile->counters[kind][direction];
  if (kind == WEIGHTS) {
    profile->inner_ns += ns;
  } else {
    if (direction == BACKWARD) ns -= profile->inner_ns;
    profile->inner_ns = 0; /* what ag_grads_finish has left belongs to no op */
  }
  ++c->calls;
  c->ns += ns;
  c->flops += flops;
  keep_span(profile, name, direction_names[direction], begin_ns, end_ns);
}

/* Products of the inputs with the parameters; backward makes as many for the gradients of the inputs. */
static double node_flops(const ag_node *node) {
  double flops = 0;
  for (int i = 0; i < 4; ++i)
    if (node->param[i] && node->param[i]->rows > 1)
      flops += 2.0 * node->out->rows * node->param[i]->rows * (double)node->param[i]->cols;
  return flops;
}

void ag_profile_node(ag_profile *profile, const ag_node *node, bool backward, int64_t begin_ns) {
  count(profile, (int)node->op, backward ? BACKWARD : FORWARD, ag_op_name(node->op), begin_ns,
        node_flops(node));
}

void ag_profile_weights(ag_profile *profile, double flops, int64_t begin_ns) {
  count(profile, WEIGHTS, BACKWARD, "weight gradients", begin_ns, flops);
}

/* ---- results ---- */

void ag_profile_merge(ag_profile *into, const ag_profile *from) {
  for (int kind = 0; kind < N_KINDS; ++kind)
    for (int direction = 0; direction < DIRECTIONS; ++direction) {
      counter *to = &into->counters[kind][direction];
      to->calls += from->counters[kind][direction].calls;
      to->ns += from->counters[kind][direction].ns;
      to->flops += from->counters[kind][direction].flops;
    }
}

static int longer_first(const void *a, const void *b) {
  const ag_profile_row *left = a, *right = b;
  return (left->ns < right->ns) - (left->ns > right->ns);
}

int ag_profile_rows(const ag_profile *profile, ag_profile_row rows[AG_PROFILE_ROWS]) {
  int n = 0;
  for (int kind = 0; kind < N_KINDS; ++kind)
    for (int direction = 0; direction < DIRECTIONS && n < AG_PROFILE_ROWS; ++direction) {
      const counter *c = &profile->counters[kind][direction];
      if (c->calls == 0) continue;
      const char *name = kind == WEIGHTS ? "weight gradients" : ag_op_name((ag_op)kind);
      rows[n++] = (ag_profile_row){name, direction_names[direction], c->calls, c->ns, c->flops};
    }
  qsort(rows, (size_t)n, sizeof *rows, longer_first);
  return n;
}

static void write_spans(FILE *out, const ag_profile *profile, int thread, int64_t zero_ns, bool *first) {
  for (int64_t i = 0; i < profile->n_spans; ++i) {
    const span *s = &profile->spans[i];
    fprintf(out, "%s{\"name\":\"%s%s%s\",\"ph\":\"X\",\"ts\":%.3f,\"dur\":%.3f,\"pid\":0,\"tid\":%d}",
            *first ? "\n" : ",\n", s->name, s->direction[0] ? " " : "", s->direction,
            (double)(s->begin_ns - zero_ns) * 1e-3, (double)(s->end_ns - s->begin_ns) * 1e-3, thread);
    *first = false;
  }
}

m4_status ag_profile_write_trace(ag_profile *const *profiles, int n, const char *path, m4_error *err) {
  m4_outfile file;
  int64_t zero_ns = INT64_MAX;
  bool first = true;
  for (int p = 0; p < n; ++p)
    for (int64_t i = 0; profiles[p] && i < profiles[p]->n_spans; ++i)
      if (profiles[p]->spans[i].begin_ns < zero_ns) zero_ns = profiles[p]->spans[i].begin_ns;
  M4_TRY(m4_outfile_open(&file, path, err));
  fprintf(file.stream, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
  for (int p = 0; p < n; ++p)
    if (profiles[p]) write_spans(file.stream, profiles[p], p, zero_ns, &first);
  fprintf(file.stream, "\n]}\n");
  return m4_outfile_commit(&file, err);
}
