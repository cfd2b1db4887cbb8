/* Components of flows and links. Knows roster. */
#include "infer/components.h"

#include <stdlib.h>
#include <string.h>

enum { IDLE = -1 };

m4_status inf_components_init(inf_components *components, int32_t n_links, bool single, m4_error *err) {
  memset(components, 0, sizeof *components);
  components->n_links = n_links;
  components->single = single;
  components->label = malloc((size_t)n_links * sizeof *components->label);
  components->flow_count = calloc((size_t)n_links, sizeof *components->flow_count);
  if (!components->label || !components->flow_count) {
    inf_components_free(components);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", (int)n_links);
  }
  for (int32_t link = 0; link < n_links; ++link) components->label[link] = IDLE;
  return M4_OK;
}

void inf_components_free(inf_components *components) {
  for (int32_t i = 0; i < components->n_list; ++i) {
    inf_roster_free(&components->list[i].flows);
    inf_roster_free(&components->list[i].links);
  }
  free(components->list);
  free(components->free_labels);
  free(components->label);
  free(components->flow_count);
  memset(components, 0, sizeof *components);
}

static m4_status grow(inf_components *components, m4_error *err) {
  int32_t capacity = components->capacity ? 2 * components->capacity : 16;
  inf_component *list = realloc(components->list, (size_t)capacity * sizeof *list);
  if (list) components->list = list;
  int32_t *labels = realloc(components->free_labels, (size_t)capacity * sizeof *labels);
  if (labels) components->free_labels = labels;
  if (!list || !labels) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d components", (int)capacity);
  components->capacity = capacity;
  return M4_OK;
}

/* An empty component. */
static m4_status take_label(inf_components *components, int32_t *label, m4_error *err) {
  if (components->n_free > 0) {
    *label = components->free_labels[--components->n_free];
    return M4_OK;
  }
  if (components->n_list == components->capacity) M4_TRY(grow(components, err));
  *label = components->n_list++;
  memset(&components->list[*label], 0, sizeof components->list[*label]);
  return M4_OK;
}

static void give_back(inf_components *components, int32_t label) {
  components->free_labels[components->n_free++] = label;
}

/* The smaller component takes the label of the larger one. */
static m4_status merge(inf_components *components, int32_t *kept, int32_t other, m4_error *err) {
  if (components->list[other].flows.count > components->list[*kept].flows.count) {
    int32_t smaller = *kept;
    *kept = other;
    other = smaller;
  }
  inf_component *from = &components->list[other], *into = &components->list[*kept];
  for (int32_t i = 0; i < from->links.count; ++i) components->label[from->links.members[i].row] = *kept;
  M4_TRY(inf_roster_absorb(&into->flows, &from->flows, err));
  M4_TRY(inf_roster_absorb(&into->links, &from->links, err));
  give_back(components, other);
  return M4_OK;
}

/* The one component that a path's busy links belong to from now on; a new one when all are idle. */
static m4_status unite(inf_components *components, const int32_t *path, int32_t n_path, int32_t *label,
                       m4_error *err) {
  *label = IDLE;
  if (components->single && components->n_list > components->n_free) {
    *label = 0;
    return M4_OK;
  }
  for (int32_t i = 0; i < n_path; ++i) {
    int32_t other = components->label[path[i]];
    if (other == IDLE || other == *label) continue;
    if (*label == IDLE)
      *label = other;
    else
      M4_TRY(merge(components, label, other, err));
  }
  return *label == IDLE ? take_label(components, label, err) : M4_OK;
}

m4_status inf_components_join(inf_components *components, int64_t tag, int32_t slot, const int32_t *path,
                              int32_t n_path, m4_error *err) {
  int32_t label;
  M4_TRY(unite(components, path, n_path, &label, err));
  inf_component *component = &components->list[label];
  M4_TRY(inf_roster_add(&component->flows, tag, slot, err));
  for (int32_t i = 0; i < n_path; ++i) {
    if (components->flow_count[path[i]]++ > 0) continue;
    components->label[path[i]] = label;
    M4_TRY(inf_roster_add(&component->links, path[i], path[i], err));
  }
  return M4_OK;
}

const inf_component *inf_components_leave(inf_components *components, int64_t tag, const int32_t *path,
                                          int32_t n_path) {
  int32_t label = components->label[path[0]];
  inf_component *component = &components->list[label];
  inf_roster_remove(&component->flows, tag);
  for (int32_t i = 0; i < n_path; ++i) {
    if (--components->flow_count[path[i]] > 0) continue;
    components->label[path[i]] = IDLE;
    inf_roster_remove(&component->links, path[i]);
  }
  if (component->flows.count == 0) give_back(components, label);
  return component;
}

const inf_component *inf_components_of(const inf_components *components, const int32_t *path) {
  return &components->list[components->label[path[0]]];
}
