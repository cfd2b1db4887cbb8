#include "base/config.h"

#include "sample_config.h"
#include "testing.h"

#include <sys/stat.h>

/* A configuration, and a file train.yaml in a scratch folder that is the current one. */
typedef struct fixture {
  char *folder;
  char *before;
  m4_config *config;
  sample_config values;
  m4_error err;
} fixture;

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  if (!f || scratch_setup((void **)&f->folder) != 0) return -1;
  f->before = getcwd(NULL, 0);
  if (chdir(f->folder) != 0) return -1;
  *state = f;
  return m4_config_create(&f->config, sample_keys, &f->values, &f->err) == M4_OK ? 0 : -1;
}

static int teardown(void **state) {
  fixture *f = *state;
  m4_config_free(f->config);
  int status = chdir(f->before);
  free(f->before);
  status |= scratch_teardown((void **)&f->folder);
  free(f);
  return status;
}

static m4_status load(fixture *f, const char *text) {
  write_text("train.yaml", text);
  return m4_config_load(f->config, "train.yaml", &f->err);
}

static void expect_load(fixture *f, const char *text) {
  if (load(f, text) != M4_OK) fail_msg("%s: %s", f->err.where, f->err.what);
}

static void expect_error(fixture *f, const char *text, const char *where, const char *what) {
  assert_int_equal(load(f, text), M4_USAGE);
  assert_string_equal(f->err.where, where);
  assert_string_equal(f->err.what, what);
}

static void expect_set_error(fixture *f, const char *assignment, const char *what) {
  assert_int_equal(m4_config_set(f->config, assignment, &f->err), M4_USAGE);
  char where[512];
  snprintf(where, sizeof where, "--set %s", assignment);
  assert_string_equal(f->err.where, where);
  assert_string_equal(f->err.what, what);
}

static void defaults(void **state) {
  fixture *f = *state;
  assert_int_equal(f->values.threshold, 150);
  assert_string_equal(f->values.method, "balanced");
  assert_string_equal(f->values.note, "");
  assert_true(f->values.rate == 1e-4);
  assert_true(f->values.enabled);
  assert_int_equal(f->values.gpus.count, 1);
  assert_int_equal(f->values.loads.count, 2);
  assert_true(f->values.loads.items[1] == 0.5);
  assert_int_equal(f->values.names.count, 0);
  assert_int_equal(f->values.layers, 0);
  assert_false(m4_config_given(f->config, "training.batch_size"));
  assert_string_equal(m4_config_origin(f->config, "training.batch_size"), "default");
  assert_string_equal(m4_config_unused(f->config), "");
}

static void a_file_and_sets(void **state) {
  fixture *f = *state;
  expect_load(f, "dataset: {threadhold_sampled: 7, sampling_method: 'uniform'}\n"
                 "training:\n  batch_size: 16\n  learning_rate: .5\n  enable_val: off\n  gpu: [0, 3]\n"
                 "workload:\n  cluster:\n    loads: 0.75\n    names: [a, 'b c', \"\\u00e4\"]\n  methods: "
                 "[]\nnote: 'x: y'\n");
  assert_int_equal(f->values.threshold, 7);
  assert_string_equal(f->values.method, "uniform");
  assert_int_equal(f->values.batch_size, 16);
  assert_true(f->values.rate == 0.5);
  assert_false(f->values.enabled);
  assert_int_equal(f->values.gpus.count, 2);
  assert_int_equal(f->values.gpus.items[1], 3);
  assert_int_equal(f->values.loads.count, 1);
  assert_int_equal(f->values.names.count, 3);
  assert_string_equal(f->values.names.items[1], "b c");
  assert_string_equal(f->values.names.items[2], "ä");
  assert_int_equal(f->values.methods.count, 0);
  assert_string_equal(f->values.note, "x: y");
  assert_string_equal(m4_config_origin(f->config, "training.batch_size"), "train.yaml:3:15");
  expect_load(f, "training:\n  batch_size: 32\n");
  assert_int_equal(f->values.batch_size, 32);
  assert_int_equal(f->values.threshold, 7);
  assert_int_equal(m4_config_set(f->config, "training.batch_size=64", &f->err), M4_OK);
  assert_int_equal(m4_config_set(f->config, "training.gpu=[1, 2, 3]", &f->err), M4_OK);
  assert_int_equal(m4_config_set(f->config, "note=a=b", &f->err), M4_OK);
  assert_int_equal(m4_config_set(f->config, "workload.cluster={loads: [1], names: z}", &f->err), M4_OK);
  assert_int_equal(f->values.batch_size, 64);
  assert_int_equal(f->values.gpus.count, 3);
  assert_string_equal(f->values.note, "a=b");
  assert_true(f->values.loads.items[0] == 1);
  assert_string_equal(f->values.names.items[0], "z");
  assert_string_equal(m4_config_origin(f->config, "training.batch_size"), "--set training.batch_size=64");
  assert_true(m4_config_given(f->config, "note"));
}

/* Names are looked up beside the file that set the key, then taken as they stand. */
static void named_files(void **state) {
  fixture *f = *state;
  char found[64];
  assert_int_equal(mkdir("sub", 0700), 0);
  write_text("sub/other.yaml", "note: table.csv\n");
  write_text("sub/table.csv", "1\n");
  assert_int_equal(m4_config_find_file(f->config, "note", "table.csv", found, sizeof found, &f->err), M4_OK);
  assert_string_equal(found, "table.csv");
  assert_int_equal(m4_config_load(f->config, "sub/other.yaml", &f->err), M4_OK);
  assert_int_equal(m4_config_find_file(f->config, "note", "table.csv", found, sizeof found, &f->err), M4_OK);
  assert_string_equal(found, "sub/table.csv");
  assert_int_equal(m4_config_find_file(f->config, "note", "else.csv", found, sizeof found, &f->err), M4_OK);
  assert_string_equal(found, "else.csv");
  assert_int_equal(m4_config_find_file(f->config, "note", "/sub/table.csv", found, sizeof found, &f->err),
                   M4_OK);
  assert_string_equal(found, "/sub/table.csv");
  assert_int_equal(m4_config_find_file(f->config, "note", "table.csv", found, 5, &f->err), M4_USAGE);
  assert_int_equal(m4_config_set(f->config, "note=sub/x/table.csv", &f->err), M4_OK);
  assert_int_equal(m4_config_find_file(f->config, "note", "table.csv", found, sizeof found, &f->err), M4_OK);
  assert_string_equal(found, "table.csv");
}

static void files_without_values(void **state) {
  fixture *f = *state;
  expect_load(f, "");
  expect_load(f, "# nothing\n");
  expect_load(f, "training:\ndataset: ~\n");
  assert_int_equal(f->values.batch_size, 2);
}

static void wrong_values(void **state) {
  fixture *f = *state;
  expect_error(f, "training:\n  batch_size:   0\n", "train.yaml:2:17: training.batch_size",
               "0 is out of range, allowed 1 to 4096");
  expect_error(f, "training:\n  batch_size: 4097\n", "train.yaml:2:15: training.batch_size",
               "4097 is out of range, allowed 1 to 4096");
  expect_error(f, "training:\n  batch_size: 99999999999999999999\n", "train.yaml:2:15: training.batch_size",
               "99999999999999999999 is out of range, allowed 1 to 4096");
  expect_error(f, "training:\n  batch_size: many\n", "train.yaml:2:15: training.batch_size",
               "many is not an integer, allowed 1 to 4096");
  expect_error(f, "training:\n  batch_size: '4'\n", "train.yaml:2:15: training.batch_size",
               "4 is not an integer, allowed 1 to 4096");
  expect_error(f, "training:\n  learning_rate: .nan\n", "train.yaml:2:18: training.learning_rate",
               ".nan is not a finite number, allowed 0 to 1");
  expect_error(f, "free_number: 1e999\n", "train.yaml:1:14: free_number", "1e999 is out of range");
  expect_error(f, "dataset: {layers: -1}\n", "train.yaml:1:19: dataset.layers",
               "-1 is out of range, allowed 0 or more");
  expect_error(f, "training:\n  enable_val: maybe\n", "train.yaml:2:15: training.enable_val",
               "maybe is neither true nor false");
  expect_error(f, "training:\n  gpu: [0, 16]\n", "train.yaml:2:12: training.gpu",
               "16 is out of range, allowed 0 to 15");
  expect_error(f, "training:\n  gpu: [0, [1]]\n", "train.yaml:2:12: training.gpu",
               "must be a list of integers, found a list");
  expect_error(f, "training:\n  batch_size: [2]\n", "train.yaml:2:15: training.batch_size",
               "must be an integer, found a list");
  expect_error(f, "note: {a: 1}\n", "train.yaml:1:7: note", "must be a text, found a mapping");
  expect_error(f, "note:\n", "train.yaml:1:6: note", "has no value, must be a text");
  expect_error(f, "dataset:\n  sampling_method: balance\n", "train.yaml:2:20: dataset.sampling_method",
               "balance is not one of the choices, allowed uniform, weighted or balanced");
  assert_string_equal(f->err.hint, "did you mean balanced?");
  expect_error(f, "workload:\n  methods: [uniform, x]\n", "train.yaml:2:22: workload.methods",
               "x is not one of the choices, allowed uniform, weighted or balanced");
  assert_int_equal(f->values.batch_size, 2); /* a refused value changes nothing */
  assert_int_equal(f->values.gpus.count, 1);
  assert_string_equal(f->values.method, "balanced");
}

static void unknown_keys(void **state) {
  fixture *f = *state;
  expect_error(f, "dataset:\n\n  threadhold: 3\n", "train.yaml:3:3: dataset.threadhold",
               "unknown key, nearest known key is dataset.threadhold_sampled");
  expect_error(f, "trainig:\n  batch_size: 3\n", "train.yaml:1:1: trainig",
               "unknown key, nearest known key is training");
  expect_error(f, "workload:\n  clusters: {loads: 1}\n", "train.yaml:2:3: workload.clusters",
               "unknown key, nearest known key is workload.cluster");
  expect_error(f, "batch_size: 3\n", "train.yaml:1:1: batch_size",
               "unknown key, nearest known key is training.batch_size");
  expect_error(f, "\"a\\x1b[31m\": 3\n", "train.yaml:1:1: a?[31m", "unknown key, nearest known key is note");
  expect_error(f, "training: 3\n", "train.yaml:1:11: training",
               "must be a mapping of keys to values, found a single value");
  expect_error(f, "- a\n- b\n", "train.yaml:1:1: the file",
               "must be a mapping of keys to values, found a list");
  expect_error(f, "hello\n", "train.yaml:1:1: the file",
               "must be a mapping of keys to values, found a single value");
}

static void keys_of_the_reference(void **state) {
  fixture *f = *state;
  const char *text = "dataset:\n  n_flows_list: [1, {a: [2]}]\ntraining:\n  old_switch: null\n";
  expect_error(f, text, "train.yaml:2:3: dataset.n_flows_list",
               "has no effect here: remove it, or give --compat reference to ignore such keys");
  m4_config_compat(f->config, true);
  expect_load(f, text);
  expect_load(f, text);
  assert_string_equal(m4_config_unused(f->config), "dataset.n_flows_list, training.old_switch");
  expect_error(f, "dataset:\n  n_flows: 3\n", "train.yaml:2:3: dataset.n_flows",
               "unknown key, nearest known key is dataset.n_flows_list");
}

static void bad_files(void **state) {
  fixture *f = *state;
  assert_int_equal(m4_config_load(f->config, "missing.yaml", &f->err), M4_IO);
  assert_string_equal(f->err.where, "missing.yaml");
  expect_error(f, "training:\n  batch_size: 1\n  batch_size: 2\n", "train.yaml:3:3",
               "batch_size is given twice, first in line 2");
  assert_int_equal(load(f, "training:\n\tbatch_size: 1\n"), M4_USAGE);
  assert_string_equal(f->err.where, "train.yaml:2:1");
  char *large = malloc((1 << 20) + 2);
  memset(large, '\n', (1 << 20) + 1);
  large[(1 << 20) + 1] = '\0';
  assert_int_equal(load(f, large), M4_USAGE);
  assert_non_null(strstr(f->err.what, "longer than the limit of 1048576 bytes"));
  large[1 << 20] = '\0';
  expect_load(f, large);
  free(large);
}

static void bad_sets(void **state) {
  fixture *f = *state;
  expect_set_error(f, "training.batch_size", "must look like key.path=value");
  expect_set_error(f, "=3", "must look like key.path=value");
  expect_set_error(f, "training.batch_size=0", "0 is out of range, allowed 1 to 4096");
  expect_set_error(f, "training.batch_size=", "has no value, must be an integer");
  expect_set_error(f, "training.batchsize=2", "unknown key, nearest known key is training.batch_size");
  expect_set_error(f, "training={batch_size: 2, x: 1}", "unknown key, nearest known key is training.gpu");
  expect_set_error(f, "dataset.n_flows_list=2",
                   "has no effect here: remove it, or give --compat reference to ignore such keys");
  assert_int_equal(m4_config_set(f->config, "training.gpu=[1", &f->err), M4_USAGE);
  assert_string_equal(f->err.where, "--set training.gpu=[1");
  assert_non_null(strstr(f->err.what, "expected ',' or ']'"));
  char *large = malloc(100000);
  memset(large, 'x', 99999);
  large[99999] = '\0';
  memcpy(large, "note=", 5);
  assert_int_equal(m4_config_set(f->config, large, &f->err), M4_USAGE);
  memset(large, 'k', 600);
  large[600] = '=';
  large[602] = '\0';
  assert_int_equal(m4_config_set(f->config, large, &f->err), M4_USAGE);
  free(large);
  assert_int_equal(m4_config_set(f->config, "training.batch_size=0", NULL), M4_USAGE);
}

static void complaints_know_where(void **state) {
  fixture *f = *state;
  expect_load(f, "training:\n  batch_size: 8\n");
  assert_int_equal(m4_config_complain(f->config, "training.batch_size", &f->err, "%d is odd", 8), M4_USAGE);
  assert_string_equal(f->err.where, "train.yaml:2:15: training.batch_size");
  assert_string_equal(f->err.what, "8 is odd");
  assert_int_equal(m4_config_set(f->config, "training.batch_size=9", NULL), M4_OK);
  m4_config_complain(f->config, "training.batch_size", &f->err, "odd");
  assert_string_equal(f->err.where, "--set training.batch_size=9");
  m4_config_complain(f->config, "note", &f->err, "empty");
  assert_string_equal(f->err.where, "default: note");
}

static void a_bad_default_is_found(void **state) {
  (void)state;
  const m4_key keys[] = {{"a", M4_KEY_INT, 0, "x", 0, 0, NULL, NULL},
                         {NULL, M4_KEY_INT, 0, NULL, 0, 0, NULL, NULL}};
  int64_t target;
  m4_config *config;
  m4_error err = {0};
  assert_int_equal(m4_config_create(&config, keys, &target, &err), M4_USAGE);
  assert_null(config);
  assert_string_equal(err.where, "default of a");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(defaults, setup, teardown),
      cmocka_unit_test_setup_teardown(a_file_and_sets, setup, teardown),
      cmocka_unit_test_setup_teardown(named_files, setup, teardown),
      cmocka_unit_test_setup_teardown(files_without_values, setup, teardown),
      cmocka_unit_test_setup_teardown(wrong_values, setup, teardown),
      cmocka_unit_test_setup_teardown(unknown_keys, setup, teardown),
      cmocka_unit_test_setup_teardown(keys_of_the_reference, setup, teardown),
      cmocka_unit_test_setup_teardown(bad_files, setup, teardown),
      cmocka_unit_test_setup_teardown(bad_sets, setup, teardown),
      cmocka_unit_test_setup_teardown(complaints_know_where, setup, teardown),
      cmocka_unit_test(a_bad_default_is_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
