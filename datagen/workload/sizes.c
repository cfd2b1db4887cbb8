/* Size tables: reading, mean and drawing. Does not know where the random numbers go next. */
#include "datagen/workload/sizes.h"

#include "sim/text.h"

#include <math.h>
#include <stdlib.h>

static const double MAX_SIZE_BYTES = 1e12; /* one terabyte: larger rows are mistakes */

static double table_mean(const dg_sizes *sizes) {
  double mean = sizes->bytes[0] * sizes->probability[0];
  for (size_t i = 1; i < sizes->n_rows; ++i) {
    double step = sizes->probability[i] - sizes->probability[i - 1];
    double size =
        sizes->form == DG_SIZE_ATOMS ? sizes->bytes[i] : 0.5 * (sizes->bytes[i - 1] + sizes->bytes[i]);
    mean += step * size;
  }
  return mean;
}

m4_status dg_sizes_create(dg_sizes **sizes, dg_size_form form, double *bytes, double *probability,
                          size_t n_rows, m4_error *err) {
  *sizes = malloc(sizeof **sizes);
  if (!*sizes) {
    free(bytes);
    free(probability);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for a size table");
  }
  **sizes = (dg_sizes){.form = form, .n_rows = n_rows, .bytes = bytes, .probability = probability};
  (*sizes)->mean_bytes = table_mean(*sizes);
  return M4_OK;
}

void dg_sizes_free(dg_sizes *sizes) {
  if (!sizes) return;
  free(sizes->bytes);
  free(sizes->probability);
  free(sizes);
}

/* Rows under construction. */
typedef struct rows {
  double *bytes, *cumulative;
  size_t count, capacity;
} rows;

static m4_status grow(rows *table, const char *path, m4_error *err) {
  size_t capacity = table->capacity ? 2 * table->capacity : 128;
  double *bytes = realloc(table->bytes, capacity * sizeof *bytes);
  if (bytes) table->bytes = bytes;
  double *cumulative = realloc(table->cumulative, capacity * sizeof *cumulative);
  if (cumulative) table->cumulative = cumulative;
  if (!bytes || !cumulative) return m4_fail(err, M4_MEMORY, path, "no memory for a size table");
  table->capacity = capacity;
  return M4_OK;
}

static m4_status read_row(rows *table, sim_text *text, m4_error *err) {
  double size, cumulative;
  M4_TRY(sim_text_real(text, "size in bytes", &size, err));
  M4_TRY(sim_text_real(text, "cumulative probability", &cumulative, err));
  M4_TRY(sim_text_end_of_line(text, err));
  if (size < 0 || size > MAX_SIZE_BYTES)
    return sim_text_fail(text, err, "size %g is not in 0..1e12 bytes", size);
  if (cumulative < 0 || cumulative > 100)
    return sim_text_fail(text, err, "cumulative probability %g is not in 0..1 or 0..100", cumulative);
  size_t last = table->count - 1;
  if (table->count && size <= table->bytes[last])
    return sim_text_fail(text, err, "size %g does not increase after %g", size, table->bytes[last]);
  if (table->count && cumulative <= table->cumulative[last])
    return sim_text_fail(text, err, "cumulative probability %g does not increase after %g", cumulative,
                         table->cumulative[last]);
  if (table->count == table->capacity) M4_TRY(grow(table, text->path, err));
  table->bytes[table->count] = size;
  table->cumulative[table->count++] = cumulative;
  return M4_OK;
}

static m4_status read_rows(rows *table, sim_text *text, m4_error *err) {
  while (sim_text_line(text))
    if (text->word[0] != '#') M4_TRY(read_row(table, text, err));
  if (table->count == 0) return m4_fail(err, M4_DATA, text->path, "the size table has no rows");
  double total = table->cumulative[table->count - 1];
  if (total != 1 && total != 100)
    return sim_text_fail(text, err, "the table ends at %g; it must end at exactly 1 or 100 (percent)", total);
  if (table->bytes[table->count - 1] < 1)
    return sim_text_fail(text, err, "the largest size is below one byte");
  for (size_t i = 0; i < table->count; ++i) table->cumulative[i] /= total;
  return M4_OK;
}

m4_status dg_sizes_read(dg_sizes **sizes, const char *path, dg_size_form form, m4_error *err) {
  *sizes = NULL;
  sim_text text;
  M4_TRY(sim_text_open(&text, path, err));
  rows table = {0};
  m4_status status = read_rows(&table, &text, err);
  sim_text_close(&text);
  if (status == M4_OK) return dg_sizes_create(sizes, form, table.bytes, table.cumulative, table.count, err);
  free(table.bytes);
  free(table.cumulative);
  return status;
}

/* The first row whose cumulative probability is >= y. */
static size_t row_of(const dg_sizes *sizes, double y) {
  size_t low = 0, high = sizes->n_rows - 1;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (sizes->probability[middle] >= y)
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

int64_t dg_size_draw(const dg_sizes *sizes, m4_rng *rng) {
  double y = m4_rng_uniform(rng);
  size_t row = row_of(sizes, y);
  double size = sizes->bytes[row];
  if (sizes->form == DG_SIZE_LINEAR && row > 0) {
    double from = sizes->probability[row - 1], width = sizes->probability[row] - from;
    size = sizes->bytes[row - 1] + (size - sizes->bytes[row - 1]) * (y - from) / width;
  }
  return dg_size_round(size);
}

int64_t dg_size_round(double bytes) {
  int64_t size = llround(bytes);
  if (size < 1) size = 10;
  return size % 1000 == 0 ? size - 1 : size;
}
