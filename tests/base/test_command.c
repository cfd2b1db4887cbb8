#include "base/command.h"

#include "sample_config.h"
#include "testing.h"

typedef struct arguments {
  bool compare;
  int64_t count;
  double factor;
  const char *backend;
  m4_text_list scenarios;
} arguments;

static const char *const backends[] = {"packet", "flowsim", "m4", NULL};
static const m4_option options[] = {
    {"--scenario", M4_OPTION_TEXT_LIST, offsetof(arguments, scenarios), "DIR",
     "scenario folder; may be repeated", NULL},
    {"--backend", M4_OPTION_TEXT, offsetof(arguments, backend), "NAME", "what simulates", backends},
    {"--compare", M4_OPTION_FLAG, offsetof(arguments, compare), NULL, "compares with the truth", NULL},
    {"--count", M4_OPTION_INT, offsetof(arguments, count), "N", "how many", NULL},
    {"--factor", M4_OPTION_REAL, offsetof(arguments, factor), "X", "how much", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};
static const m4_program program = {"m4-test-program",
                                   "tests the command line",
                                   "m4-test-program --scenario DIR",
                                   "m4-test-program --scenario a\nm4-test-program --count 3",
                                   options,
                                   sample_keys};

typedef struct fixture {
  arguments args;
  m4_common common;
  bool finished;
  m4_error err;
} fixture;

/* Splits `line` at spaces; the words live in a static buffer, as argv does. */
static m4_status parse(fixture *f, const char *line) {
  static char words[8192];
  static char *argv[64];
  int argc = 0;
  *f = (fixture){.args = {.count = -5}};
  snprintf(words, sizeof words, "%s", line);
  argv[argc++] = (char *)program.name;
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
  return m4_command_parse(&program, argc, argv, &f->args, &f->common, &f->finished, &f->err);
}

static void release(fixture *f) {
  m4_command_free(&program, &f->args, &f->common);
}

static void expect_error(const char *line, const char *where, const char *what, const char *hint) {
  fixture f;
  assert_int_equal(parse(&f, line), M4_USAGE);
  assert_string_equal(f.err.where, where);
  assert_string_equal(f.err.what, what);
  assert_string_equal(f.err.hint, hint);
  assert_false(f.finished);
  release(&f);
}

static void all_kinds_of_options(void **state) {
  (void)state;
  fixture f;
  assert_int_equal(
      parse(&f, "--scenario a --compare --backend=m4 --count -3 --factor 0.5 --scenario=b --config x.yaml "
                "--set a.b=1 --set c=2 --threads 4 --seed 9 --device cuda:1 --dry-run --quiet --print-config "
                "--compat reference"),
      M4_OK);
  assert_int_equal(f.args.scenarios.count, 2);
  assert_string_equal(f.args.scenarios.items[1], "b");
  assert_true(f.args.compare);
  assert_string_equal(f.args.backend, "m4");
  assert_int_equal(f.args.count, -3);
  assert_true(f.args.factor == 0.5);
  assert_string_equal(f.common.config_files.items[0], "x.yaml");
  assert_string_equal(f.common.sets.items[1], "c=2");
  assert_int_equal(f.common.threads, 4);
  assert_int_equal(f.common.seed, 9);
  assert_string_equal(f.common.device, "cuda:1");
  assert_true(f.common.dry_run && f.common.quiet && f.common.print_config);
  assert_string_equal(f.common.compat, "reference");
  assert_false(f.finished);
  release(&f);
  assert_int_equal(f.args.scenarios.count, 0);
}

static void nothing_given(void **state) {
  (void)state;
  fixture f;
  assert_int_equal(parse(&f, ""), M4_OK);
  assert_int_equal(f.args.count, -5);
  assert_int_equal(f.common.seed, -1);
  assert_int_equal(f.common.threads, 0);
  assert_string_equal(f.common.device, "auto");
  assert_null(f.common.compat);
  release(&f);
}

static void mistakes(void **state) {
  (void)state;
  expect_error("--scenaro a", "--scenaro", "unknown option", "did you mean --scenario?");
  expect_error("--printconfig", "--printconfig", "unknown option", "did you mean --print-config?");
  expect_error("--zzz", "--zzz", "unknown option", "m4-test-program --help lists all options");
  expect_error("--scenario", "--scenario", "needs a value: --scenario DIR", "");
  expect_error("--scenario --compare", "--scenario", "needs a value: --scenario DIR", "");
  expect_error("--compare=yes", "--compare", "takes no value", "");
  expect_error("--count 3x", "--count", "\"3x\" is not an integer", "");
  expect_error("--factor nan", "--factor", "\"nan\" is not a finite number", "");
  expect_error("--backend packets", "--backend", "\"packets\" is not known, allowed: packet, flowsim, m4",
               "did you mean packet?");
  expect_error("extra", "", "unexpected argument \"extra\"",
               "options begin with --; m4-test-program --help lists them");
  expect_error("-x", "", "unexpected argument \"-x\"",
               "options begin with --; m4-test-program --help lists them");
  expect_error("--threads -1", "--threads", "-1 is out of range, allowed 0 to 4096", "");
  expect_error("--seed -2", "--seed", "-2 is out of range, allowed 0 or more", "");
  expect_error("--device gpu", "--device", "\"gpu\" is not known, allowed: auto, cpu, cuda, cuda:N", "");
  expect_error("--device cuda:x", "--device", "\"cuda:x\" is not known, allowed: auto, cpu, cuda, cuda:N",
               "");
  expect_error("--compat other", "--compat", "\"other\" is not known, allowed: reference", "");
}

static char *printed(void **state, const char *line) {
  const char *path = scratch_path(state, "stdout");
  fixture f;
  int saved = capture_output(1, path);
  m4_status status = parse(&f, line);
  restore_output(1, saved);
  assert_int_equal(status, M4_OK);
  assert_true(f.finished);
  release(&f);
  return read_text(path);
}

static void help_teaches(void **state) {
  char *text = printed(state, "--count 3 --help --nonsense");
  const char *expected[] = {
      "m4-test-program: tests the command line\n",
      "usage:\n  m4-test-program --scenario DIR\n",
      "  --scenario DIR            scenario folder; may be repeated\n",
      "  --backend NAME            what simulates (one of: packet, flowsim, m4)\n",
      "  --set KEY=VALUE           ",
      "  --threads N               ",
      "examples:\n  m4-test-program --scenario a\n  m4-test-program --count 3\n",
      "exit codes:\n  0 done\n  2 usage",
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i)
    if (!strstr(text, expected[i])) fail_msg("help lacks \"%s\" in:\n%s", expected[i], text);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) assert_true(strlen(line) <= 100);
  free(text);
}

static void help_config_lists_keys(void **state) {
  char *text = printed(state, "--help config");
  const char *expected[] = {
      "  training.batch_size\n      an integer: 1 to 4096 (default 2)\n      busy periods per step\n",
      "  dataset.sampling_method\n      a text: uniform, weighted or balanced (default balanced)\n",
      "  dataset.layers\n      an integer: 0 or more (default 0)\n",
      "  training.gpu\n      a list of integers: 0 to 15 (default [0])\n",
      "--compat reference):\n  dataset.n_flows_list\n  training.old_switch\n",
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; ++i)
    if (!strstr(text, expected[i])) fail_msg("help lacks \"%s\" in:\n%s", expected[i], text);
  free(text);
}

static void version(void **state) {
  char *text = printed(state, "--version");
  assert_string_equal(text, "m4-test-program " M4_VERSION "\n");
  free(text);
}

static void files_then_sets(void **state) {
  char line[8192];
  const char *path = scratch_path(state, "a.yaml");
  write_text(path, "training:\n  batch_size: 8\n  old_switch: 1\n  learning_rate: 0.5\n");
  snprintf(line, sizeof line, "--set training.batch_size=16 --config %s --compat reference", path);
  fixture f;
  sample_config values;
  m4_config *config;
  assert_int_equal(m4_config_create(&config, sample_keys, &values, NULL), M4_OK);
  assert_int_equal(parse(&f, line), M4_OK);
  assert_int_equal(m4_command_configure(&f.common, config, &f.err), M4_OK);
  assert_int_equal(values.batch_size, 16);
  assert_true(values.rate == 0.5);
  assert_string_equal(m4_config_unused(config), "training.old_switch");
  f.common.compat = NULL;
  assert_int_equal(m4_command_configure(&f.common, config, &f.err), M4_USAGE);
  release(&f);
  m4_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_kinds_of_options),
      cmocka_unit_test(nothing_given),
      cmocka_unit_test(mistakes),
      cmocka_unit_test_setup_teardown(help_teaches, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(help_config_lists_keys, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(version, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(files_then_sets, scratch_setup, scratch_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
