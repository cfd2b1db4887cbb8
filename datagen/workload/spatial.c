/* Rack matrices: reading, placing on a cluster, drawing host pairs. Does not know sizes or times. */
#include "datagen/workload/spatial.h"

#include "datagen/workload/spatial_cells.h"
#include "sim/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPARSE_COLUMNS = 3 };

static m4_status grow(dg_spatial *spatial, size_t *capacity, const char *path, m4_error *err) {
  size_t wanted = *capacity ? 2 * *capacity : 256;
  int32_t *source = realloc(spatial->source, wanted * sizeof *source);
  if (source) spatial->source = source;
  int32_t *destination = realloc(spatial->destination, wanted * sizeof *destination);
  if (destination) spatial->destination = destination;
  double *cumulative = realloc(spatial->cumulative, wanted * sizeof *cumulative);
  if (cumulative) spatial->cumulative = cumulative;
  if (!source || !destination || !cumulative) return m4_fail(err, M4_MEMORY, path, "no memory for a matrix");
  *capacity = wanted;
  return M4_OK;
}

m4_status dg_spatial_add(dg_spatial *spatial, size_t *capacity, int32_t source, int32_t destination,
                         double weight, const char *where, m4_error *err) {
  if (!(weight >= 0 && weight <= 1e15))
    return m4_fail(err, M4_DATA, where, "weight %g is not in 0..1e15", weight);
  if (weight == 0) return M4_OK;
  if (spatial->n_cells == *capacity) M4_TRY(grow(spatial, capacity, where, err));
  size_t cell = spatial->n_cells++;
  spatial->source[cell] = source;
  spatial->destination[cell] = destination;
  spatial->cumulative[cell] = weight + (cell > 0 ? spatial->cumulative[cell - 1] : 0);
  return M4_OK;
}

/* A cell of the current line. */
static m4_status add_cell(dg_spatial *spatial, size_t *capacity, int64_t source, int64_t destination,
                          double weight, const sim_text *text, m4_error *err) {
  char where[512];
  snprintf(where, sizeof where, "%.480s:%lld", text->path, (long long)text->line);
  return dg_spatial_add(spatial, capacity, (int32_t)source, (int32_t)destination, weight, where, err);
}

/* Turns the commas of the current line into blanks; returns the number of cells, or an error for empty ones.
 */
static m4_status split_cells(sim_text *text, int64_t *n_cells, m4_error *err) {
  *n_cells = 1;
  bool empty = true;
  for (char *c = text->word; *c; ++c) {
    if (*c != ',') {
      if (!strchr(" \t\r", *c)) empty = false;
      continue;
    }
    if (empty) break;
    *c = ' ';
    empty = true;
    ++*n_cells;
  }
  return empty ? sim_text_fail(text, err, "cell %lld is empty", (long long)*n_cells) : M4_OK;
}

static m4_status read_dense_row(dg_spatial *spatial, size_t *capacity, int32_t row, sim_text *text,
                                m4_error *err) {
  if (row >= spatial->n_racks)
    return sim_text_fail(text, err, "more than %d rows; the cluster has %d racks", spatial->n_racks,
                         spatial->n_racks);
  for (int32_t column = 0; column < spatial->n_racks; ++column) {
    double weight;
    M4_TRY(sim_text_real(text, "weight", &weight, err));
    M4_TRY(add_cell(spatial, capacity, row, column, weight, text, err));
  }
  return sim_text_end_of_line(text, err);
}

static m4_status read_sparse_row(dg_spatial *spatial, size_t *capacity, sim_text *text, m4_error *err) {
  int64_t source, destination, last = spatial->n_racks - 1;
  double weight;
  M4_TRY(sim_text_int(text, "source rack", 0, last, &source, err));
  M4_TRY(sim_text_int(text, "destination rack", 0, last, &destination, err));
  M4_TRY(sim_text_real(text, "probability", &weight, err));
  M4_TRY(sim_text_end_of_line(text, err));
  return add_cell(spatial, capacity, source, destination, weight, text, err);
}

/* The first row decides: as many cells as racks is a dense matrix, three cells are sparse rows. */
static m4_status read_rows(dg_spatial *spatial, sim_text *text, m4_error *err) {
  size_t capacity = 0;
  int32_t n_rows = 0;
  bool sparse = false;
  while (sim_text_line(text)) {
    if (text->word[0] == '#') continue;
    int64_t n_cells;
    M4_TRY(split_cells(text, &n_cells, err));
    if (n_rows == 0) sparse = n_cells == SPARSE_COLUMNS && spatial->n_racks != SPARSE_COLUMNS;
    if (!sparse && n_cells != spatial->n_racks)
      return sim_text_fail(text, err, "%lld columns, but the cluster has %d racks", (long long)n_cells,
                           spatial->n_racks);
    M4_TRY(sparse ? read_sparse_row(spatial, &capacity, text, err)
                  : read_dense_row(spatial, &capacity, n_rows, text, err));
    ++n_rows;
  }
  if (!sparse && n_rows != spatial->n_racks)
    return m4_fail(err, M4_DATA, text->path, "%d rows, but the cluster has %d racks", n_rows,
                   spatial->n_racks);
  if (spatial->n_cells == 0) return m4_fail(err, M4_DATA, text->path, "every weight is zero");
  return M4_OK;
}

m4_status dg_spatial_read(dg_spatial **spatial, const char *path, int32_t n_racks, m4_error *err) {
  *spatial = NULL;
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  dg_spatial *made = calloc(1, sizeof *made);
  m4_status status = made ? M4_OK : m4_fail(err, M4_MEMORY, path, "no memory for a matrix");
  if (made) {
    made->n_racks = n_racks;
    bool is_json = text.data[strspn(text.data, " \t\r\n")] == '{';
    status =
        is_json ? dg_spatial_read_json(made, path, text.data, text.length, err) : read_rows(made, &text, err);
  }
  sim_text_close(&text);
  if (status == M4_OK)
    *spatial = made;
  else
    dg_spatial_free(made);
  return status;
}

void dg_spatial_free(dg_spatial *spatial) {
  if (!spatial) return;
  free(spatial->source);
  free(spatial->destination);
  free(spatial->cumulative);
  free(spatial);
}

static void shuffle(int32_t *items, int32_t count, m4_rng *rng) {
  for (int32_t i = count - 1; i > 0; --i) {
    int32_t j = (int32_t)m4_rng_below(rng, (uint64_t)i + 1), item = items[i];
    items[i] = items[j];
    items[j] = item;
  }
}

static m4_status check_placement(const dg_spatial *spatial, int32_t copies, int32_t pods,
                                 int32_t racks_per_pod, int32_t hosts_per_rack, m4_error *err) {
  if ((int64_t)pods * racks_per_pod != (int64_t)copies * spatial->n_racks)
    return m4_fail(err, M4_USAGE, NULL, "the matrix has %d racks, the cluster %d x %d", spatial->n_racks,
                   pods, racks_per_pod);
  if (pods % copies != 0 || (spatial->n_pods > 0 && (int64_t)copies * spatial->n_pods != pods))
    return m4_fail(err, M4_USAGE, NULL, "the matrix has %d pods, the cluster %d", spatial->n_pods, pods);
  for (size_t cell = 0; hosts_per_rack == 1 && cell < spatial->n_cells; ++cell)
    if (spatial->source[cell] == spatial->destination[cell])
      return m4_fail(err, M4_DATA, NULL, "the matrix has traffic within rack %d, which has a single host",
                     spatial->source[cell]);
  return M4_OK;
}

m4_status dg_placement_create(dg_placement *placement, const dg_spatial *spatial, int32_t copies,
                              int32_t pods, int32_t racks_per_pod, int32_t hosts_per_rack, m4_rng *rng,
                              m4_error *err) {
  *placement = (dg_placement){.spatial = spatial, .hosts_per_rack = hosts_per_rack, .copies = copies};
  M4_TRY(check_placement(spatial, copies, pods, racks_per_pod, hosts_per_rack, err));
  int32_t n_racks = pods * racks_per_pod;
  placement->rack = malloc((size_t)n_racks * sizeof *placement->rack);
  if (!placement->rack) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d racks", n_racks);
  for (int32_t rack = 0; rack < n_racks; ++rack) placement->rack[rack] = rack;
  for (int32_t pod = 0; pod < pods; ++pod)
    shuffle(placement->rack + (size_t)pod * (size_t)racks_per_pod, racks_per_pod, rng);
  return M4_OK;
}

void dg_placement_free(dg_placement *placement) {
  free(placement->rack);
  *placement = (dg_placement){0};
}

/* The first cell whose running sum lies above x. */
static size_t cell_at(const dg_spatial *spatial, double x) {
  size_t low = 0, high = spatial->n_cells - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (spatial->cumulative[middle] > x)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

/* The cluster rack of one of the table rack's copies. */
static int32_t draw_rack(const dg_placement *placement, int32_t table_rack, m4_rng *rng) {
  int32_t copy = placement->copies > 1 ? (int32_t)m4_rng_below(rng, (uint64_t)placement->copies) : 0;
  return placement->rack[copy * placement->spatial->n_racks + table_rack];
}

static int32_t draw_host(const dg_placement *placement, int32_t rack, m4_rng *rng) {
  return rack * placement->hosts_per_rack + (int32_t)m4_rng_below(rng, (uint64_t)placement->hosts_per_rack);
}

void dg_pair_draw(const dg_placement *placement, m4_rng *rng, int32_t *source_host,
                  int32_t *destination_host) {
  const dg_spatial *spatial = placement->spatial;
  size_t cell = cell_at(spatial, m4_rng_uniform(rng) * spatial->cumulative[spatial->n_cells - 1]);
  int32_t source_rack = draw_rack(placement, spatial->source[cell], rng);
  int32_t destination_rack = draw_rack(placement, spatial->destination[cell], rng);
  do {
    *source_host = draw_host(placement, source_rack, rng);
    *destination_host = draw_host(placement, destination_rack, rng);
  } while (*source_host == *destination_host);
}
