/* Which units are copied, which are left out. */
#include "nn/units.h"

#include <stdlib.h>

typedef struct ranked_unit {
  double importance;
  int32_t unit;
} ranked_unit;

static int more_important_first(const void *a, const void *b) {
  const ranked_unit *x = a, *y = b;
  if (x->importance != y->importance) return x->importance < y->importance ? 1 : -1;
  return x->unit < y->unit ? -1 : 1;
}

static int by_unit(const void *a, const void *b) {
  return ((const ranked_unit *)a)->unit - ((const ranked_unit *)b)->unit;
}

static void copy_units(nn_units *units) {
  int32_t single = !units->normalised && units->from > units->n_pinned ? units->n_pinned : 0;
  int32_t whole_copies = units->to - units->to % units->from;
  for (int32_t i = 0; i < units->to; ++i) {
    bool fresh = units->normalised && i >= whole_copies;
    if (i < units->from)
      units->source[i] = i;
    else
      units->source[i] = fresh ? NN_FRESH_UNIT : single + (i - units->from) % (units->from - single);
  }
}

static m4_status choose_units(nn_units *units, const double *importance, m4_arena *arena, m4_error *err) {
  ranked_unit *ranked = m4_arena_alloc(arena, (size_t)units->from, sizeof *ranked);
  if (!ranked) return m4_fail(err, M4_MEMORY, NULL, "no memory for a choice among units");
  for (int32_t i = 0; i < units->from; ++i) ranked[i] = (ranked_unit){importance[i], i};
  ranked_unit *others = ranked + units->n_pinned;
  qsort(others, (size_t)(units->from - units->n_pinned), sizeof *ranked, more_important_first);
  qsort(others, (size_t)(units->to - units->n_pinned), sizeof *ranked, by_unit);
  for (int32_t i = 0; i < units->to; ++i) units->source[i] = ranked[i].unit;
  return M4_OK;
}

m4_status nn_units_plan(nn_units *units, const double *importance, m4_arena *arena, m4_error *err) {
  units->source = m4_arena_alloc(arena, (size_t)units->to, sizeof *units->source);
  if (!units->source) return m4_fail(err, M4_MEMORY, NULL, "no memory for a map of units");
  if (units->to < units->from) return choose_units(units, importance, arena, err);
  copy_units(units);
  return M4_OK;
}
