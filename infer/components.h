/* Which active flows and links belong together: labels that merge at arrivals and are never split. Knows
 * roster; no model. Source: simulation.md 2, 3. */
#ifndef INFER_COMPONENTS_H
#define INFER_COMPONENTS_H

#include "infer/roster.h"

typedef struct inf_component {
  inf_roster flows; /* by tag; row = slot */
  inf_roster links; /* by link number; row = link */
} inf_component;

/* The component of an active flow is that of any of its links. Labels are reused: only equality means
 * something. */
typedef struct inf_components {
  inf_component *list; /* [n_list]; unused ones are empty */
  int32_t *free_labels;
  int32_t n_list, n_free, capacity;
  int32_t n_links;
  int32_t *label;      /* [n_links] of a link; -1 = idle */
  int32_t *flow_count; /* [n_links] active flows on a link; a flow that uses it twice counts twice */
  bool single;         /* everything is one component */
} inf_components;

/* single: scope global. */
m4_status inf_components_init(inf_components *components, int32_t n_links, bool single, m4_error *err);
void inf_components_free(inf_components *components); /* zeroed structs are accepted */

/* Adds a flow, merging what its path connects. path: link numbers, [n_path], n_path >= 1. */
m4_status inf_components_join(inf_components *components, int64_t tag, int32_t slot, const int32_t *path,
                              int32_t n_path, m4_error *err);
/* Removes a flow; links it used last become idle. Returns the component it was in, which may be empty now. */
const inf_component *inf_components_leave(inf_components *components, int64_t tag, const int32_t *path,
                                          int32_t n_path);
/* The component of an active flow with this path. */
const inf_component *inf_components_of(const inf_components *components, const int32_t *path);

#endif
