/* Bundles of links with equal states. Knows base. */
#include "infer/bundles.h"

#include <stdlib.h>
#include <string.h>

enum { INITIAL = 0 };

m4_status inf_bundles_init(inf_bundles *bundles, int32_t n_links, bool keep_initial, m4_error *err) {
  *bundles = (inf_bundles){.n_links = n_links, .keep_initial = keep_initial};
  size_t n = (size_t)n_links;
  bundles->row = calloc(n, sizeof *bundles->row);
  bundles->n_members = calloc(n + 1, sizeof *bundles->n_members);
  bundles->free_rows = calloc(n, sizeof *bundles->free_rows);
  if (!bundles->row || !bundles->n_members || !bundles->free_rows) {
    inf_bundles_free(bundles);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %d links", (int)n_links);
  }
  bundles->n_members[INITIAL] = n_links;
  for (int32_t row = n_links; row > INITIAL; --row) bundles->free_rows[bundles->n_free++] = row;
  return M4_OK;
}

void inf_bundles_free(inf_bundles *bundles) {
  free(bundles->row);
  free(bundles->n_members);
  free(bundles->free_rows);
  memset(bundles, 0, sizeof *bundles);
}

/* A flow may use a link more than once. */
static int32_t times_used(const int32_t *path, int32_t n_path, int32_t link) {
  int32_t times = 0;
  for (int32_t i = 0; i < n_path; ++i) times += path[i] == link;
  return times;
}

/* Two links of the path were equal before the flow came and are equal afterwards. */
static bool stay_equal(const inf_bundles *bundles, const int32_t *path, int32_t n_path, int32_t a,
                       int32_t b) {
  return bundles->row[a] == bundles->row[b] && times_used(path, n_path, a) == times_used(path, n_path, b);
}

/* Distinct links of the path that stay equal to `link`. */
static int32_t count_equal(const inf_bundles *bundles, const int32_t *path, int32_t n_path, int32_t link) {
  int32_t places = 0;
  for (int32_t i = 0; i < n_path; ++i) places += stay_equal(bundles, path, n_path, link, path[i]);
  return places / times_used(path, n_path, link);
}

/* The part gets a row of its own. */
static void split(inf_bundles *bundles, const int32_t *path, int32_t n_path, int32_t link, int32_t count) {
  int32_t from = bundles->row[link], to = bundles->free_rows[--bundles->n_free];
  int32_t times = times_used(path, n_path, link);
  for (int32_t i = 0; i < n_path; ++i)
    if (bundles->row[path[i]] == from && times_used(path, n_path, path[i]) == times)
      bundles->row[path[i]] = to;
  bundles->n_members[from] -= count;
  bundles->n_members[to] = count;
}

/* A part that was split off, or needed no splitting, is whole when its next link comes up. */
int32_t inf_bundles_join(inf_bundles *bundles, const int32_t *path, int32_t n_path, inf_bundle_copy *copies) {
  int32_t n_copies = 0;
  for (int32_t i = 0; i < n_path; ++i) {
    int32_t row = bundles->row[path[i]], count = count_equal(bundles, path, n_path, path[i]);
    bool whole = count == bundles->n_members[row];
    if (whole && !(bundles->keep_initial && row == INITIAL)) continue;
    split(bundles, path, n_path, path[i], count);
    copies[n_copies++] = (inf_bundle_copy){row, bundles->row[path[i]]};
  }
  return n_copies;
}

int32_t inf_bundles_reset(inf_bundles *bundles, int32_t link) {
  int32_t row = bundles->row[link];
  if (row == INITIAL) return -1;
  bool empty = --bundles->n_members[row] == 0;
  if (empty) bundles->free_rows[bundles->n_free++] = row;
  ++bundles->n_members[INITIAL];
  bundles->row[link] = INITIAL;
  return empty ? row : -1;
}
