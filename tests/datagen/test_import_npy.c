/* The reference's .npy folders as a source: the committed ones (written by numpy, dataset_to_npy.py) say the
 * same as the ns-3 folders that they were made from; damaged ones are refused; nothing in a pickle is ever
 * executed. */
#include "tests/datagen/support.h"

#include "data/pickle/npy.h"
#include "data/pickle/numpy.h"
#include "datagen/import/npy.h"
#include "datagen/import/ns3.h"

enum { PATH_BYTES = 512, COMMAND_BYTES = 2048, MAX_FILE_BYTES = 4096 };

/* ---- the same facts ---- */

static void assert_same_path(const ds_scenario *a, const ds_scenario *b, int64_t flow) {
  int64_t first = a->path_offset[flow], other = b->path_offset[flow],
          n_hops = a->path_offset[flow + 1] - first;
  assert_int_equal(n_hops, b->path_offset[flow + 1] - other);
  for (int64_t hop = 0; hop < n_hops; ++hop) {
    int32_t x = a->path_link[first + hop], y = b->path_link[other + hop];
    assert_int_equal(a->link_from[x], b->link_from[y]);
    assert_int_equal(a->link_to[x], b->link_to[y]);
    assert_int_equal(a->queue_bytes[first + hop], b->queue_bytes[other + hop]);
  }
}

static void assert_same_facts(const ds_scenario *a, const ds_scenario *b) {
  size_t n_flows = (size_t)a->n_flows;
  assert_int_equal(a->n_flows, b->n_flows);
  assert_memory_equal(a->params, b->params, sizeof a->params);
  assert_memory_equal(a->size_bytes, b->size_bytes, n_flows * sizeof *a->size_bytes);
  assert_memory_equal(a->start_ns, b->start_ns, n_flows * sizeof *a->start_ns);
  assert_memory_equal(a->fct_ns, b->fct_ns, n_flows * sizeof *a->fct_ns);
  assert_memory_equal(a->ideal_fct_ns, b->ideal_fct_ns, n_flows * sizeof *a->ideal_fct_ns);
  assert_memory_equal(a->flowsim_fct_ns, b->flowsim_fct_ns, n_flows * sizeof *a->flowsim_fct_ns);
  for (int64_t flow = 0; flow < a->n_flows; ++flow) assert_same_path(a, b, flow);
  /* one busy period: its rows are the scenario's */
  assert_int_equal(a->n_periods, 1);
  assert_int_equal(b->n_periods, 1);
  assert_memory_equal(a->received_offset, b->received_offset, (2 * n_flows + 1) * sizeof *a->received_offset);
  assert_memory_equal(a->received_bytes, b->received_bytes,
                      (size_t)a->received_offset[2 * n_flows] * sizeof *a->received_bytes);
}

static void check_folder(const char *cc) {
  char ns3[PATH_BYTES], npy[PATH_BYTES];
  m4_arena first_arena, second_arena;
  ds_scenario first, second;
  snprintf(ns3, sizeof ns3, "%s/ns3/trace_incast_pfc/%s", M4_TEST_DATA, cc);
  snprintf(npy, sizeof npy, "%s/npy/%s/ns3", M4_TEST_DATA, cc);
  assert_ok(dg_import_ns3(&first, &first_arena, ns3, NULL, err));
  assert_ok(dg_import_npy(&second, &second_arena, npy, NULL, err));
  assert_true(first.received_offset[16] > 60);
  assert_same_facts(&first, &second);
  m4_arena_free(&first_arena);
  m4_arena_free(&second_arena);
}

static void test_committed_folders(void **state) {
  (void)state;
  check_folder("dcqcn"); /* plain Python inside */
  check_folder("dctcp"); /* numbers and arrays of numpy inside */
}

/* ---- damage ---- */

/* npy/dctcp in a scratch folder, in a static buffer. */
static const char *copy_folder(const char *scratch) {
  static char dir[PATH_BYTES / 2];
  char command[COMMAND_BYTES];
  snprintf(dir, sizeof dir, "%s/copy", scratch);
  snprintf(command, sizeof command, "rm -rf '%s' && cp -rL '%s/npy/dctcp/ns3' '%s' && chmod -R u+w '%s'", dir,
           M4_TEST_DATA, dir, dir);
  assert_int_equal(system(command), 0);
  return dir;
}

static m4_status import_copy(const char *dir, m4_error *error) {
  m4_arena arena;
  ds_scenario facts;
  *error = (m4_error){0};
  m4_status status = dg_import_npy(&facts, &arena, dir, NULL, error);
  if (status == M4_OK) m4_arena_free(&arena);
  if (status != M4_OK) assert_true(error->what[0] != '\0');
  return status;
}

static size_t read_file(const char *dir, const char *name, char bytes[MAX_FILE_BYTES]) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s.npy", dir, name);
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  size_t length = fread(bytes, 1, MAX_FILE_BYTES, file);
  fclose(file);
  assert_true(length > 0 && length < MAX_FILE_BYTES);
  return length;
}

static void write_file(const char *dir, const char *name, const char *bytes, size_t length) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s.npy", dir, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  fclose(file);
}

#define T   "_topology_flows"
#define THR T "_t100000000"
static const char *const names[] = {
    "fsize",   "fat",     "flow_to_path", "fid" T,      "fct" T,
    "fct_i" T, "param" T, "qlen" T,       "period" THR, "period_remainsize" THR};
enum { N_NAMES = sizeof names / sizeof *names, N_REQUIRED = 7 };

static void remove_file(const char *dir, const char *name) {
  char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s.npy", dir, name);
  assert_int_equal(unlink(path), 0);
}

static void test_missing_files(void **state) {
  m4_error error;
  for (int i = 0; i < N_REQUIRED; ++i) {
    const char *dir = copy_folder(*state);
    remove_file(dir, names[i]);
    assert_int_equal(import_copy(dir, &error), M4_IO);
  }
  const char *dir = copy_folder(*state);
  remove_file(dir, "qlen" T);
  remove_file(dir, "period_remainsize" THR);
  assert_int_equal(import_copy(dir, &error), M4_OK); /* FCTs alone */
  write_file(dir, "fid_other", "", 0);
  assert_int_equal(import_copy(dir, &error), M4_DATA);
  assert_non_null(strstr(error.what, "more than one"));
}

/* Every file cut at many lengths: never accepted. */
static void test_truncation(void **state) {
  static char bytes[MAX_FILE_BYTES];
  m4_error error;
  for (int i = 0; i < N_NAMES; ++i) {
    const char *dir = copy_folder(*state);
    size_t length = read_file(dir, names[i], bytes);
    for (size_t kept = 0; kept < length; kept += kept < 140 ? 7 : 31) {
      write_file(dir, names[i], bytes, kept);
      assert_int_equal(import_copy(dir, &error), M4_DATA);
    }
    write_file(dir, names[i], bytes, length - 1);
    assert_int_equal(import_copy(dir, &error), M4_DATA);
  }
}

/* Single bits: an error or other numbers, no crash. */
static void test_flipped_bits(void **state) {
  static char bytes[MAX_FILE_BYTES];
  m4_error error;
  uint32_t random = 4711;
  int refused = 0;
  for (int i = 0; i < N_NAMES; ++i) {
    const char *dir = copy_folder(*state);
    size_t length = read_file(dir, names[i], bytes);
    for (int round = 0; round < 60; ++round) {
      random = random * 1664525u + 1013904223u;
      size_t at = (random >> 8) % length;
      bytes[at] ^= (char)(1 << (random & 7));
      write_file(dir, names[i], bytes, length);
      refused += import_copy(dir, &error) != M4_OK;
      bytes[at] ^= (char)(1 << (random & 7));
    }
  }
  assert_true(refused > 60 * N_NAMES / 4);
}

/* ---- single arrays ---- */

static m4_status parse(const char *header, const char *data, size_t length, ds_npy *array, m4_error *err) {
  static char text[1024];
  size_t header_bytes = strlen(header);
  memcpy(text, "\x93NUMPY\x01\x00", 8);
  text[8] = (char)header_bytes;
  text[9] = 0;
  memcpy(text + 10, header, header_bytes);
  memcpy(text + 10 + header_bytes, data, length);
  *array = (ds_npy){0};
  m4_status status = ds_npy_parse(array, text, 10 + header_bytes + length, err);
  if (status != M4_OK) ds_npy_free(array);
  return status;
}

static void assert_refused(const char *header, const char *data, size_t length, const char *reason) {
  m4_error error = {0};
  ds_npy array;
  assert_int_equal(parse(header, data, length, &array, &error), M4_DATA);
  if (!strstr(error.what, reason)) fail_msg("\"%s\" does not say \"%s\"", error.what, reason);
}

#define HEADER(type, order, shape) "{'descr': '" type "', 'fortran_order': " order ", 'shape': " shape ", }\n"
#define OBJECT                     HEADER("|O", "False", "(1,)")

static void test_headers(void **state) {
  (void)state;
  const char zeros[64] = {0};
  assert_refused("{}", zeros, 8, "lacks");
  assert_refused(HEADER("<c16", "False", "(1,)"), zeros, 16, "type");
  assert_refused(HEADER("<i3", "False", "(1,)"), zeros, 3, "type");
  assert_refused(HEADER("<i99999999999", "False", "(1,)"), zeros, 8, "type");
  assert_refused(HEADER("<i8", "False", "(2,)"), zeros, 8, "shorter or longer");
  assert_refused(HEADER("<i8", "False", "(0,)"), zeros, 8, "shorter or longer");
  assert_refused(HEADER("<i8", "False", "(-1,)"), zeros, 8, "shape");
  assert_refused(HEADER("<i8", "False", "(999999999999999, 999999999999999,)"), zeros, 8, "shape");
  assert_refused(HEADER("<i8", "False", "(0, 999999999999999)"), zeros, 0, "shape");
  assert_refused(HEADER("<i8", "False", "(1,1,1,1,1,1,1,1,1)"), zeros, 8, "shape");
  assert_refused(HEADER("<i8", "True", "(1, 2)"), zeros, 16, "Fortran");
  assert_refused(HEADER("<i8", "Maybe", "(1,)"), zeros, 8, "order");
  m4_error error = {0};
  ds_npy array = {0};
  assert_int_equal(ds_npy_parse(&array, "\x93NUMPX\x01\0\0\0\0\0", 12, &error), M4_DATA);
  assert_int_equal(ds_npy_parse(&array, "\x93NUMPY\x04\0\0\0\0\0", 12, &error), M4_DATA);
  assert_int_equal(ds_npy_parse(&array, "\x93NUMPY\x02\0\xff\xff\xff\xff", 12, &error), M4_DATA);
}

static void test_numbers(void **state) {
  (void)state;
  ds_npy array;
  int64_t integer;
  double real;
  assert_ok(parse(HEADER(">i2", "False", "(2, 2)"), "\0\1\xff\xff\0\3\x7f\xff", 8, &array, err));
  ds_sequence row;
  assert_false(ds_sequence_integer(&integer, &array.values, 0)); /* a row, no number */
  assert_true(ds_sequence_at(&row, &array.values, 1));
  assert_true(ds_sequence_integer(&integer, &row, 1) && integer == 32767);
  assert_true(ds_sequence_at(&row, &array.values, 0));
  assert_true(ds_sequence_integer(&integer, &row, 1) && integer == -1);
  assert_false(ds_sequence_integer(&integer, &row, 2));
  assert_false(ds_sequence_at(&row, &array.values, 2));
  const double reals[] = {3, 2.5, 1e300};
  assert_ok(parse(HEADER("<f8", "False", "(3,)"), (const char *)reals, sizeof reals, &array, err));
  assert_true(ds_sequence_integer(&integer, &array.values, 0) && integer == 3);
  assert_false(ds_sequence_integer(&integer, &array.values, 1));
  assert_false(ds_sequence_integer(&integer, &array.values, 2));
  assert_true(ds_sequence_real(&real, &array.values, 2) && real == 1e300);
  const uint64_t large = UINT64_MAX;
  assert_ok(parse(HEADER("<u8", "True", "(1,)"), (const char *)&large, sizeof large, &array, err));
  assert_false(ds_sequence_integer(&integer, &array.values, 0));
}

#define REFUSED(pickle, reason) assert_refused(OBJECT, pickle, sizeof(pickle) - 1, reason)
#define ARRAY(shape, order, list)                                                                            \
  "\x80\x03"                                                                                                 \
  "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"                                         \
  "C\x01"                                                                                                    \
  "b\x87R(K\x01" shape "cnumpy\ndtype\nX\x02\x00\x00\x00O8\x89\x88\x87R" order list "tb."

static void test_pickles(void **state) {
  (void)state;
  m4_error error = {0};
  ds_npy array;
  assert_int_equal(parse(OBJECT,
                         ARRAY("K\x01\x85", "\x89",
                               "]K\x07"
                               "a"),
                         sizeof(ARRAY("K\x01\x85", "\x89",
                                      "]K\x07"
                                      "a")) -
                             1,
                         &array, &error),
                   M4_OK);
  int64_t integer;
  assert_true(ds_sequence_integer(&integer, &array.values, 0) && integer == 7);
  ds_npy_free(&array);
  REFUSED(ARRAY("K\x02\x85", "\x89",
                "]K\x07"
                "a"),
          "no array");
  REFUSED(ARRAY("K\x00K\x07\x86", "\x89", "]"), "no array");
  REFUSED(ARRAY("K\x01K\x01\x86", "\x88",
                "]K\x07"
                "a"),
          "no array");
  REFUSED(ARRAY("K\x01\x85", "\x89", "N"), "no array");
  REFUSED(ARRAY("N", "\x89",
                "]K\x07"
                "a"),
          "no array");
  REFUSED("\x80\x03K\x01.", "no array");
  REFUSED("\x80\x03"
          "cposix\nsystem\nX\x02\0\0\0ls\x85R.",
          "posix system");
  REFUSED("\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x02ls\x85R.", "os system");
  REFUSED("\x80\x03"
          "cbuiltins\ngetattr\n.",
          "builtins getattr");
  REFUSED("\x80\x03"
          "cnumpy.f2py.crackfortran\nmyeval\n.",
          "not allowed");
  REFUSED("\x80\x03"
          "cnumpy\nndarray\n)R.",
          "a call");
  REFUSED("\x80\x03"
          "cnumpy\nndarray\n)\x81.",
          "a call");
  REFUSED("\x80\x03NQ.", "persistent");
  REFUSED("\x80\x06N.", "protocol 6");
  REFUSED("\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "frame");
  REFUSED("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", "longer than the file");
  REFUSED("\x80\x04\x8e\xff\xff\xff\x7f\0\0\0\0.", "longer than the file");
  REFUSED("\x80\x04\x94.", "too few");
  REFUSED("\x80\x04K\x01\x8c\x01"
          "a\x93.",
          "no text");
  REFUSED("\x80\x03(i__main__\nx\n.", "opcode 0x69");
}

/* A list that holds itself is a value like others; whoever walks does so to a known depth. */
static void test_circle(void **state) {
  (void)state;
  m4_arena arena;
  m4_error error = {0};
  const ds_pickle_value *value = NULL;
  static const unsigned char circle[] = "\x80\x02]q\x00h\x00"
                                        "a.";
  assert_ok(m4_arena_init(&arena, 1 << 20, err));
  assert_int_equal(ds_pickle_read(&value, &arena, circle, sizeof circle - 1, &ds_numpy_rules, &error), M4_OK);
  assert_true(value->n_items == 1 && value->items[0] == value);
  int64_t integer;
  ds_sequence list, inner;
  assert_true(ds_sequence_of(&list, value) && ds_sequence_at(&inner, &list, 0));
  assert_false(ds_sequence_integer(&integer, &inner, 0));
  m4_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_committed_folders), cmocka_unit_test(test_missing_files),
      cmocka_unit_test(test_truncation),        cmocka_unit_test(test_flipped_bits),
      cmocka_unit_test(test_headers),           cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_pickles),           cmocka_unit_test(test_circle)};
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
