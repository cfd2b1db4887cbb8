/* Pickles of PyTorch: the rules of m4-convert. Whatever comes out is a tree of known values. */
#include "tests/fuzz/fuzz.h"
#include "train/convert/torch_names.h"

enum { MAX_DEPTH = 16, ARENA_PER_BYTE = 64, ARENA_BYTES = 1 << 20 };

static void look(const ds_pickle_value *value, int depth, int *looks_left) {
  if (depth > MAX_DEPTH || --*looks_left < 0) return;
  FUZZ_CHECK(value->kind <= DS_PICKLE_PERSISTENT);
  tr_torch_storage(value);
  ds_pickle_find(value, "state_dict");
  if (value->kind == DS_PICKLE_TEXT) FUZZ_CHECK(strlen(value->text) < 1 << 20);
  if (value->kind < DS_PICKLE_TUPLE || value->kind == DS_PICKLE_NAME) return;
  for (int32_t i = 0; i < value->n_items; ++i) look(value->items[i], depth + 1, looks_left);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  const ds_pickle_value *value = NULL;
  m4_arena arena = {0};
  m4_error error = {0};
  int looks_left = 1 << 12;
  FUZZ_CHECK(m4_arena_init(&arena, ARENA_PER_BYTE * length + ARENA_BYTES, &error) == M4_OK);
  if (ds_pickle_read(&value, &arena, bytes, length, &tr_torch_rules, &error) == M4_OK)
    look(value, 0, &looks_left);
  else
    FUZZ_CHECK(error.what[0]);
  m4_arena_free(&arena);
  return 0;
}
