/* nn/safetensors: the format, good files and hostile ones. */
#include "nn/safetensors.h"

#include "base/philox.h"
#include "tests/base/testing.h"

#include <math.h>

/* Writes length, header and `n_bytes` of data (value 0) as a file. */
static const char *make_file(void **state, const char *header, size_t n_bytes) {
  size_t header_bytes = strlen(header), length = 8 + header_bytes + n_bytes;
  char *bytes = calloc(1, length);
  assert_non_null(bytes);
  uint64_t field = header_bytes;
  memcpy(bytes, &field, 8);
  memcpy(bytes + 8, header, header_bytes);
  const char *path = scratch_path(state, "file.safetensors");
  write_bytes(path, bytes, length);
  free(bytes);
  return path;
}

/* The file is refused as bad data, with a message that contains `expected`, and nothing is left to free. */
static void assert_refused_as(m4_status status, const char *path, const char *expected) {
  nn_safetensors content;
  m4_error err = {0};
  assert_int_equal(nn_safetensors_read(&content, path, &err), status);
  assert_int_equal(err.status, status);
  if (!strstr(err.what, expected)) fail_msg("\"%s\" lacks \"%s\"", err.what, expected);
  assert_non_null(strstr(err.where, path));
  assert_null(content.tensors);
}

static void assert_refused(const char *path, const char *expected) {
  assert_refused_as(M4_DATA, path, expected);
}

#define TENSOR(name, shape, begin, end)                                                                      \
  "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

static void reads_what_it_wrote(void **state) {
  const float matrix[6] = {1, 2, 3, 4, 5, 6.5f}, scalar = -0.25f;
  const nn_tensor tensors[] = {
      {"matrix", 2, {2, 3}, 6, matrix}, {"scalar", 0, {0}, 1, &scalar}, {"nothing", 2, {0, 7}, 0, &scalar}};
  m4_metadata notes = {0};
  assert_int_equal(m4_metadata_set(&notes, "version", "0.1 \"quoted\" \xc3\xa4\n", NULL), M4_OK);
  const char *path = scratch_path(state, "good.safetensors");
  assert_int_equal(nn_safetensors_write(path, tensors, 3, &notes, NULL), M4_OK);
  nn_safetensors content;
  m4_error err = {0};
  assert_int_equal(nn_safetensors_read(&content, path, &err), M4_OK);
  assert_int_equal(content.n_tensors, 3);
  const nn_tensor *found = nn_safetensors_find(&content, "matrix");
  assert_non_null(found);
  assert_int_equal(found->rank, 2);
  assert_int_equal(found->shape[0], 2);
  assert_int_equal(found->shape[1], 3);
  assert_memory_equal(found->bytes, matrix, sizeof matrix);
  found = nn_safetensors_find(&content, "scalar");
  assert_int_equal(found->count, 1);
  assert_memory_equal(found->bytes, &scalar, sizeof scalar);
  assert_int_equal(nn_safetensors_find(&content, "nothing")->count, 0);
  assert_null(nn_safetensors_find(&content, "absent"));
  assert_string_equal(m4_metadata_get(&content.metadata, "version"), "0.1 \"quoted\" \xc3\xa4\n");
  const char *bytes = nn_safetensors_find(&content, "matrix")->bytes;
  assert_int_equal((bytes - content.file) % 8, 0);
  nn_safetensors_free(&content);
  m4_metadata_free(&notes);
}

static void reads_any_alignment_and_padding(void **state) {
  const char *path =
      make_file(state, "{" TENSOR("b", "[1]", "4", "8") "," TENSOR("a", "[1]", "0", "4") "}   ", 8);
  nn_safetensors content;
  assert_int_equal(nn_safetensors_read(&content, path, NULL), M4_OK);
  assert_string_equal(content.tensors[0].name, "a"); /* order of bytes, not of the header */
  assert_string_equal(content.tensors[1].name, "b");
  nn_safetensors_free(&content);
}

static void refuses_bad_headers(void **state) {
  static const struct {
    const char *header;
    size_t n_bytes;
    const char *expected;
  } cases[] = {
      {"", 0, "not a JSON object"},
      {" {}", 0, "not a JSON object"},
      {"[]", 0, "not a JSON object"},
      {"{", 0, "damaged header"},
      {"{}x", 0, "damaged header"},
      {"{}", 4, "belong to no tensor"},
      {"{\"__metadata__\":[]}", 0, "__metadata__"},
      {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
      {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "duplicate"},
      {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("a", "[1]", "4", "8") "}", 8, "duplicate"},
      {"{\"a\":7}", 0, "needs dtype"},
      {"{\"a\":{}}", 0, "needs dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "needs dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4, "needs dtype"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}}", 4, "needs dtype"},
      {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "not F32"},
      {"{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8, "not F32"},
      {"{" TENSOR("a", "1", "0", "4") "}", 4, "impossible shape"},
      {"{" TENSOR("a", "[-1]", "0", "4") "}", 4, "impossible shape"},
      {"{" TENSOR("a", "[1.0]", "0", "4") "}", 4, "impossible shape"},
      {"{" TENSOR("a", "[1,1,1,1,1]", "0", "4") "}", 4, "impossible shape"},
      {"{" TENSOR("a", "[4294967296,4294967296]", "0", "4") "}", 4, "impossible shape"},
      {"{" TENSOR("a", "[4611686018427387905]", "0", "4") "}", 4, "do not fit"},
      {"{" TENSOR("a", "[1]", "-4", "0") "}", 4, "outside the file"},
      {"{" TENSOR("a", "[1]", "4", "0") "}", 4, "outside the file"},
      {"{" TENSOR("a", "[1]", "0", "9223372036854775807") "}", 4, "outside the file"},
      {"{" TENSOR("a", "[1]", "0", "99999999999999999999") "}", 4, "damaged header"},
      {"{" TENSOR("a", "[1]", "0", "3") "}", 4, "do not fit"},
      {"{" TENSOR("a", "[2]", "0", "4") "}", 4, "do not fit"},
      {"{" TENSOR("a", "[2]", "0", "8") "," TENSOR("b", "[2]", "4", "12") "}", 12, "overlaps"},
      {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "0", "4") "}", 4, "overlaps"},
      {"{" TENSOR("a", "[1]", "0", "4") "," TENSOR("b", "[1]", "8", "12") "}", 12, "hole"},
      {"{" TENSOR("a", "[1]", "4", "8") "}", 8, "hole"},
      {"{\"a\\u0000b\":{}}", 0, "damaged header"},
      {"{\"\xff\":{}}", 0, "damaged header"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
    assert_refused(make_file(state, cases[i].header, cases[i].n_bytes), cases[i].expected);
}

static void refuses_bad_lengths(void **state) {
  const char *path = scratch_path(state, "file.safetensors");
  write_bytes(path, "", 0);
  assert_refused(path, "too short");
  write_bytes(path, "\2\0\0\0\0\0\0", 7);
  assert_refused(path, "too short");
  static const uint64_t lengths[] = {3, 100000000, 100000001, (uint64_t)1 << 63, UINT64_MAX - 7, UINT64_MAX};
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; ++i) {
    char bytes[10] = "........{}";
    memcpy(bytes, &lengths[i], 8);
    write_bytes(path, bytes, sizeof bytes);
    assert_refused(path, lengths[i] <= 100000000 ? "truncated" : "limit of 100 MB");
  }
}

/* A header of `depth` nested arrays. */
static void refuses_deep_json(void **state) {
  enum { DEPTH = 200000 };
  char *header = calloc(1, DEPTH + 8);
  assert_non_null(header);
  strcpy(header, "{\"a\":");
  memset(header + 5, '[', DEPTH);
  assert_refused(make_file(state, header, 0), "damaged header");
  free(header);
}

static void refuses_too_many_notes(void **state) {
  enum { NOTES = 5000 };
  char *header = calloc(1, NOTES * 16 + 64), *end = header;
  assert_non_null(header);
  end += sprintf(end, "{\"__metadata__\":{");
  for (int i = 0; i < NOTES; ++i) end += sprintf(end, "%s\"%d\":\"\"", i ? "," : "", i);
  strcpy(end, "}}");
  assert_refused(make_file(state, header, 0), "more than 1024");
  free(header);
}

static void refuses_values_that_are_not_finite(void **state) {
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; ++i) {
    const char *path = make_file(
        state, "{" TENSOR("first", "[1]", "0", "4") "," TENSOR("spoiled", "[3]", "4", "16") "}", 16);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -8, SEEK_END), 0);
    assert_int_equal(fwrite(&bad[i], 4, 1, file), 1);
    fclose(file);
    assert_refused_as(M4_NUMERIC, path, "tensor spoiled: holds a value that is not finite");
  }
}

static void missing_file_is_an_io_error(void **state) {
  nn_safetensors content;
  m4_error err = {0};
  assert_int_equal(nn_safetensors_read(&content, scratch_path(state, "absent"), &err), M4_IO);
  assert_int_equal(nn_safetensors_read(&content, *state, &err), M4_IO); /* a folder */
}

static void writer_refuses_and_keeps_the_old_file(void **state) {
  const float good = 1, bad = NAN;
  const char *path = scratch_path(state, "kept.safetensors");
  const nn_tensor fine = {"fine", 1, {1}, 1, &good};
  assert_int_equal(nn_safetensors_write(path, &fine, 1, NULL, NULL), M4_OK);
  m4_error err = {0};
  const nn_tensor spoiled[] = {fine, {"spoiled", 1, {1}, 1, &bad}};
  assert_int_equal(nn_safetensors_write(path, spoiled, 2, NULL, &err), M4_NUMERIC);
  assert_non_null(strstr(err.what, "spoiled"));
  const nn_tensor twice[] = {fine, fine};
  assert_int_equal(nn_safetensors_write(path, twice, 2, NULL, &err), M4_DATA);
  const nn_tensor unnamed = {"\xff", 1, {1}, 1, &good};
  assert_int_equal(nn_safetensors_write(path, &unnamed, 1, NULL, &err), M4_DATA);
  m4_metadata notes = {0};
  assert_int_equal(m4_metadata_set(&notes, "key", "\xff", NULL), M4_OK);
  assert_int_equal(nn_safetensors_write(path, &fine, 1, &notes, &err), M4_DATA);
  m4_metadata_free(&notes);
  nn_safetensors content;
  assert_int_equal(nn_safetensors_read(&content, path, NULL), M4_OK);
  assert_string_equal(content.tensors[0].name, "fine");
  nn_safetensors_free(&content);
  assert_int_equal(nn_safetensors_write("/nonexistent-folder/x", &fine, 1, NULL, &err), M4_IO);
}

static size_t whole_file(const char *path, unsigned char *bytes, size_t capacity) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t length = fread(bytes, 1, capacity, file);
  fclose(file);
  return length;
}

/* Every truncation is noticed; every flipped bit is noticed or harmless, never a crash. */
static void survives_damage(void **state) {
  const float values[20] = {1, 2, 3, 4, 5};
  const nn_tensor tensors[] = {{"a", 2, {2, 5}, 10, values}, {"b", 1, {10}, 10, values + 10}};
  m4_metadata notes = {0};
  assert_int_equal(m4_metadata_set(&notes, "key", "value", NULL), M4_OK);
  const char *path = scratch_path(state, "damaged.safetensors");
  assert_int_equal(nn_safetensors_write(path, tensors, 2, &notes, NULL), M4_OK);
  m4_metadata_free(&notes);
  unsigned char bytes[1024];
  size_t length = whole_file(path, bytes, sizeof bytes);
  nn_safetensors content;
  for (size_t cut = 0; cut < length; ++cut) {
    write_bytes(path, bytes, cut);
    assert_int_equal(nn_safetensors_read(&content, path, NULL), M4_DATA);
  }
  int accepted = 0, refused = 0;
  for (uint32_t round = 0; round < 2000; ++round) {
    size_t bit = (size_t)(m4_random_u64(1, M4_RNG_TEST, round, 0) % (8 * length));
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    write_bytes(path, bytes, length);
    m4_status status = nn_safetensors_read(&content, path, NULL);
    if (status == M4_OK)
      nn_safetensors_free(&content);
    else
      assert_true(status == M4_DATA || status == M4_NUMERIC); /* numeric: a flip made infinity */
    ++*(status == M4_OK ? &accepted : &refused);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  assert_true(accepted > 100 && refused > 500); /* flips in values; flips in the header */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_what_it_wrote),
      cmocka_unit_test(reads_any_alignment_and_padding),
      cmocka_unit_test(refuses_bad_headers),
      cmocka_unit_test(refuses_bad_lengths),
      cmocka_unit_test(refuses_deep_json),
      cmocka_unit_test(refuses_too_many_notes),
      cmocka_unit_test(refuses_values_that_are_not_finite),
      cmocka_unit_test(missing_file_is_an_io_error),
      cmocka_unit_test(writer_refuses_and_keeps_the_old_file),
      cmocka_unit_test(survives_damage),
  };
  return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
