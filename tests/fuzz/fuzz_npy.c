/* .npy files, pickles inside included: every value is looked at as everything it could be. */
#include "data/pickle/npy.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_DEPTH = 6, MAX_LOOKS = 4096 };

static void look(const ds_sequence *values, int depth, int *looks_left) {
  for (int64_t i = 0; i < values->count && --*looks_left > 0; ++i) {
    int64_t integer = 0;
    double real = 0;
    const char *text = "";
    ds_sequence inner;
    bool is_integer = ds_sequence_integer(&integer, values, i), is_real = ds_sequence_real(&real, values, i);
    if (is_integer && is_real) FUZZ_CHECK(real == (double)integer);
    if (ds_sequence_text(&text, values, i)) FUZZ_CHECK(strlen(text) < 1 << 20);
    if (depth < MAX_DEPTH && ds_sequence_at(&inner, values, i)) look(&inner, depth + 1, looks_left);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  ds_npy array = {0};
  m4_error error = {0};
  int looks_left = MAX_LOOKS;
  if (ds_npy_parse(&array, (const char *)bytes, length, &error) == M4_OK)
    look(&array.values, 0, &looks_left);
  else
    FUZZ_CHECK(error.what[0]);
  ds_npy_free(&array);
  return 0;
}
