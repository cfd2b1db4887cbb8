/* The reference's JSON matrices: counts between named racks, and which pod each name belongs to. Source:
 * workloads.md 2.
 *
 * Pods are taken in the file's order, a pod's racks in the order of its list. A pod may list fewer racks than
 * the cluster has; rows and columns without a name are padding and must be empty. */
#include "datagen/workload/spatial_cells.h"

#include "datagen/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct table {
  dg_spatial *spatial;
  const char *path;
  json_t *rows, *names, *pods;
  size_t n_rows;
  int32_t *rack; /* [n_rows] table rack of a row, -1: padding */
} table;

static m4_status find_parts(table *in, json_t *root, m4_error *err) {
  json_t *matrix = json_object_get(root, "matrix");
  in->rows = json_object_get(matrix, "inner");
  in->names = json_object_get(matrix, "idx2name");
  in->pods = json_object_get(root, "pod2tors");
  in->n_rows = json_array_size(in->rows);
  if (in->n_rows == 0 || !json_is_array(in->names) || json_object_size(in->pods) == 0)
    return m4_fail(
        err, M4_DATA, in->path,
        "a matrix in JSON needs matrix.inner, matrix.idx2name and pod2tors; a key is missing or empty");
  if (json_array_size(in->names) > in->n_rows)
    return dg_json_fail(in->path, "matrix.idx2name", err, "%zu names, but the matrix has %zu rows",
                        json_array_size(in->names), in->n_rows);
  json_int_t n_pods = json_integer_value(json_object_get(root, "nr_pods"));
  if (n_pods != 0 && n_pods != (json_int_t)json_object_size(in->pods))
    return dg_json_fail(in->path, "nr_pods", err, "is %lld, but pod2tors has %zu pods", (long long)n_pods,
                        json_object_size(in->pods));
  return M4_OK;
}

/* The row with this name, not yet placed; n_rows when there is none. */
static size_t row_named(const table *in, const char *name) {
  for (size_t row = 0; row < json_array_size(in->names); ++row) {
    const char *other = json_string_value(json_array_get(in->names, row));
    if (other && in->rack[row] < 0 && strcmp(other, name) == 0) return row;
  }
  return in->n_rows;
}

/* Racks of one pod that the matrix has no row for are silent. */
static m4_status place_pod(table *in, json_t *racks, int32_t first, int32_t capacity, m4_error *err) {
  if (json_array_size(racks) > (size_t)capacity)
    return dg_json_fail(in->path, "pod2tors", err, "a pod has %zu racks, the cluster's pods have %d",
                        json_array_size(racks), capacity);
  for (size_t i = 0; i < json_array_size(racks); ++i) {
    const char *name = json_string_value(json_array_get(racks, i));
    if (!name) return dg_json_fail(in->path, "pod2tors", err, "a rack's name is not a text");
    size_t row = row_named(in, name);
    if (row < in->n_rows) in->rack[row] = first + (int32_t)i;
  }
  return M4_OK;
}

static m4_status place_racks(table *in, m4_error *err) {
  size_t n_pods = json_object_size(in->pods);
  if (n_pods > (size_t)in->spatial->n_racks || (size_t)in->spatial->n_racks % n_pods != 0)
    return dg_json_fail(in->path, "pod2tors", err, "%zu pods do not divide the cluster's %d racks", n_pods,
                        in->spatial->n_racks);
  in->spatial->n_pods = (int32_t)n_pods;
  int32_t per_pod = in->spatial->n_racks / (int32_t)n_pods, first = 0;
  for (size_t row = 0; row < in->n_rows; ++row) in->rack[row] = -1;
  const char *pod;
  json_t *racks;
  json_object_foreach(in->pods, pod, racks) {
    M4_TRY(place_pod(in, racks, first, per_pod, err));
    first += per_pod;
  }
  return M4_OK;
}

static m4_status add_row(table *in, size_t *capacity, size_t row, m4_error *err) {
  json_t *cells = json_array_get(in->rows, row);
  char where[512];
  snprintf(where, sizeof where, "%.400s: matrix.inner[%zu]", in->path, row);
  if (json_array_size(cells) != in->n_rows)
    return m4_fail(err, M4_DATA, where, "%zu cells, but the matrix has %zu rows", json_array_size(cells),
                   in->n_rows);
  for (size_t column = 0; column < in->n_rows; ++column) {
    json_t *cell = json_array_get(cells, column);
    if (!json_is_number(cell)) return m4_fail(err, M4_DATA, where, "cell %zu is not a number", column);
    double weight = json_number_value(cell);
    bool placed = in->rack[row] >= 0 && in->rack[column] >= 0;
    if (!placed && weight != 0)
      return m4_fail(err, M4_DATA, where, "cell %zu has weight %g, but its rack is in no pod", column,
                     weight);
    if (placed)
      M4_TRY(dg_spatial_add(in->spatial, capacity, in->rack[row], in->rack[column], weight, where, err));
  }
  return M4_OK;
}

static m4_status read_table(table *in, json_t *root, m4_error *err) {
  M4_TRY(find_parts(in, root, err));
  in->rack = malloc(in->n_rows * sizeof *in->rack);
  if (!in->rack) return m4_fail(err, M4_MEMORY, in->path, "no memory for %zu racks", in->n_rows);
  M4_TRY(place_racks(in, err));
  size_t capacity = 0;
  for (size_t row = 0; row < in->n_rows; ++row) M4_TRY(add_row(in, &capacity, row, err));
  if (in->spatial->n_cells == 0) return m4_fail(err, M4_DATA, in->path, "every weight is zero");
  return M4_OK;
}

m4_status dg_spatial_read_json(dg_spatial *spatial, const char *path, const char *text, size_t length,
                               m4_error *err) {
  json_t *root;
  M4_TRY(dg_json_parse(&root, path, text, length, err));
  table in = {.spatial = spatial, .path = path};
  m4_status status = read_table(&in, root, err);
  free(in.rack);
  json_decref(root);
  return status;
}
