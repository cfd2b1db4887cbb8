/* What is printed reads back to the same values. */
#include "base/config.h"

#include "sample_config.h"
#include "testing.h"

static void print_to(const m4_config *config, const char *path, bool with_help) {
  FILE *out = fopen(path, "wb");
  assert_non_null(out);
  assert_int_equal(m4_config_print(config, out, with_help, NULL), M4_OK);
  fclose(out);
}

static void defaults_as_yaml(void **state) {
  const char *path = scratch_path(state, "p.yaml");
  sample_config values;
  m4_config *config;
  assert_int_equal(m4_config_create(&config, sample_keys, &values, NULL), M4_OK);
  print_to(config, path, false);
  char *text = read_text(path);
  assert_string_equal(text, "dataset:\n"
                            "  threadhold_sampled: 150\n"
                            "  sampling_method: balanced\n"
                            "  topo_type: _topology_flows\n"
                            "  layers: 0\n"
                            "training:\n"
                            "  batch_size: 2\n"
                            "  learning_rate: 0.0001\n"
                            "  enable_val: true\n"
                            "  gpu: [0]\n"
                            "workload:\n"
                            "  cluster:\n"
                            "    loads: [0.25, 0.5]\n"
                            "    names: []\n"
                            "  methods: [uniform]\n"
                            "note: \"\"\n"
                            "free_number: 0\n");
  free(text);
  print_to(config, path, true);
  text = read_text(path);
  assert_non_null(strstr(text, "  batch_size: 2                             # busy periods per step\n"));
  free(text);
  m4_config_free(config);
}

static void awkward_texts_come_back(void **state) {
  const char *texts[] = {"",
                         "null",
                         "yes",
                         "True",
                         "12",
                         "1e5",
                         "-",
                         "- a",
                         "a: b",
                         "#x",
                         "a #b",
                         " lead",
                         "trail ",
                         "[1, 2]",
                         "*alias",
                         "&anchor",
                         "!tag",
                         "%dir",
                         "@at",
                         "`tick",
                         "quote\"d",
                         "it's",
                         "back\\s",
                         "tab\there",
                         "line\nbreak",
                         "\033[0m",
                         "\x7f",
                         "ä 中文 😀",
                         "\xc2\x85",
                         "\xe2\x80\xa8",
                         "\xef\xbb\xbfmark",
                         "\xef\xbf\xbe",
                         "/a/b-c.d_e",
                         "~",
                         "a,b",
                         "{x"};
  const char *path = scratch_path(state, "p.yaml");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    sample_config values, again;
    m4_config *config, *reloaded;
    assert_int_equal(m4_config_create(&config, sample_keys, &values, NULL), M4_OK);
    assert_int_equal(m4_config_create(&reloaded, sample_keys, &again, NULL), M4_OK);
    values.note = (char *)texts[i]; /* as if set: every text, also those that YAML cannot hold unescaped */
    char *items[] = {(char *)texts[i], "plain", (char *)texts[i]};
    values.names = (m4_text_list){items, 3};
    print_to(config, path, true);
    m4_error err = {0};
    if (m4_config_load(reloaded, path, &err) != M4_OK) fail_msg("text %zu: %s: %s", i, err.where, err.what);
    assert_string_equal(again.note, texts[i]);
    assert_int_equal(again.names.count, 3);
    assert_string_equal(again.names.items[2], texts[i]);
    m4_config_free(config);
    m4_config_free(reloaded);
  }
}

static void numbers_come_back_exactly(void **state) {
  const char *path = scratch_path(state, "p.yaml");
  const char *sets[] = {
      "training.learning_rate=0.1", "workload.cluster.loads=[0.3333333333333333, 1e-300, 1]",
      "free_number=-1.2345678901234567e+200", "training.gpu=[]", "dataset.layers=9223372036854775807"};
  sample_config values, again;
  m4_config *config, *reloaded;
  assert_int_equal(m4_config_create(&config, sample_keys, &values, NULL), M4_OK);
  assert_int_equal(m4_config_create(&reloaded, sample_keys, &again, NULL), M4_OK);
  for (size_t i = 0; i < 5; ++i) assert_int_equal(m4_config_set(config, sets[i], NULL), M4_OK);
  print_to(config, path, true);
  assert_int_equal(m4_config_load(reloaded, path, NULL), M4_OK);
  assert_true(again.rate == 0.1 && again.free_number == -1.2345678901234567e+200);
  assert_int_equal(again.loads.count, 3);
  assert_memory_equal(again.loads.items, values.loads.items, 3 * sizeof(double));
  assert_int_equal(again.gpus.count, 0);
  assert_true(again.layers == INT64_MAX);
  m4_config_free(config);
  m4_config_free(reloaded);
}

static void a_full_disk_is_an_error(void **state) {
  (void)state;
  FILE *full = fopen("/dev/full", "w");
  if (!full) skip();
  sample_config values;
  m4_config *config;
  assert_int_equal(m4_config_create(&config, sample_keys, &values, NULL), M4_OK);
  assert_int_equal(m4_config_print(config, full, true, NULL), M4_IO);
  m4_config_free(config);
  fclose(full);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(defaults_as_yaml, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(awkward_texts_come_back, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(numbers_come_back_exactly, scratch_setup, scratch_teardown),
      cmocka_unit_test(a_full_disk_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
