/* Tables of traffic. The first byte says which: 'l' sizes to interpolate, 'a' sizes as atoms, 's' a rack
 * matrix. What is accepted can be drawn from. */
#include "datagen/workload/sizes.h"
#include "datagen/workload/spatial.h"
#include "tests/fuzz/fuzz.h"

#include <math.h>

enum { N_RACKS = 8, N_DRAWS = 64 };

static void read_sizes(const char *path, dg_size_form form) {
  dg_sizes *sizes = NULL;
  m4_error error = {0};
  if (dg_sizes_read(&sizes, path, form, &error) != M4_OK) {
    FUZZ_CHECK(error.what[0] && error.where[0]);
    return;
  }
  m4_rng rng = m4_rng_make(1, M4_RNG_WORKLOAD, 0);
  FUZZ_CHECK(isfinite(sizes->mean_bytes) && sizes->mean_bytes > 0);
  for (int i = 0; i < N_DRAWS; ++i) FUZZ_CHECK(dg_size_draw(sizes, &rng) > 0);
  dg_sizes_free(sizes);
}

static void read_matrix(const char *path) {
  dg_spatial *spatial = NULL;
  m4_error error = {0};
  if (dg_spatial_read(&spatial, path, N_RACKS, &error) != M4_OK) {
    FUZZ_CHECK(error.what[0] && error.where[0]);
    return;
  }
  FUZZ_CHECK(spatial->n_cells > 0 && isfinite(spatial->cumulative[spatial->n_cells - 1]));
  for (size_t i = 0; i < spatial->n_cells; ++i) {
    FUZZ_CHECK(spatial->source[i] >= 0 && spatial->source[i] < spatial->n_racks);
    FUZZ_CHECK(spatial->destination[i] >= 0 && spatial->destination[i] < spatial->n_racks);
    FUZZ_CHECK(i == 0 || spatial->cumulative[i] >= spatial->cumulative[i - 1]);
  }
  dg_spatial_free(spatial);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length == 0) return 0;
  const char *path = fuzz_write("table", bytes + 1, length - 1);
  if (bytes[0] == 's')
    read_matrix(path);
  else
    read_sizes(path, bytes[0] == 'a' ? DG_SIZE_ATOMS : DG_SIZE_LINEAR);
  return 0;
}
