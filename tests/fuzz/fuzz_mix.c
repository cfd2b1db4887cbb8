/* Mix files. What is accepted is written as a file that reads back to the same. */
#include "datagen/mix.h"
#include "tests/fuzz/fuzz.h"

static void check_written(const dg_mix *mix) {
  char first[128], second[128];
  dg_mix *again = NULL;
  m4_error error = {0};
  snprintf(first, sizeof first, "%s/first.json", fuzz_folder());
  snprintf(second, sizeof second, "%s/second.json", fuzz_folder());
  FUZZ_CHECK(dg_mix_write(mix, first, &error) == M4_OK);
  FUZZ_CHECK(dg_mix_read(&again, first, &error) == M4_OK);
  FUZZ_CHECK(again->n_entries == mix->n_entries);
  for (size_t i = 0; i < mix->n_entries; ++i) {
    const dg_mix_entry *a = &mix->entries[i], *b = &again->entries[i];
    FUZZ_CHECK(a->id == b->id && a->max_load == b->max_load && a->bfsz == b->bfsz && a->cc == b->cc &&
               a->param_1 == b->param_1 && a->window_bytes == b->window_bytes);
    FUZZ_CHECK(strcmp(a->spatial, b->spatial) == 0 && strcmp(a->cluster, b->cluster) == 0);
  }
  dg_mix_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  dg_mix *mix = NULL;
  m4_error error = {0};
  if (dg_mix_read(&mix, fuzz_write("mix.json", bytes, length), &error) == M4_OK)
    check_written(mix);
  else
    FUZZ_CHECK(error.what[0] && error.where[0]);
  dg_mix_free(mix);
  return 0;
}
