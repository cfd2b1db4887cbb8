/* The body of main: exit codes, one error line, options, what programs without configuration keys accept. */
#include "base/program.h"

#include "sample_config.h"
#include "testing.h"

typedef struct work_options {
  int64_t answer; /* m4_status that the work gives */
  int calls, argc;
  bool quiet;
} work_options;

static const m4_option options[] = {
    {"--answer", M4_OPTION_INT, offsetof(work_options, answer), "N", "how the work ends", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};
static const m4_program plain = {"m4-plain", "does nothing", "m4-plain", "m4-plain", options, NULL};
static const m4_program keyed = {"m4-keyed", "does nothing", "m4-keyed", "m4-keyed", options, sample_keys};

static m4_status work(void *target, const m4_common *common, m4_error *err) {
  work_options *given = target;
  given->calls++;
  given->argc = common->argc;
  given->quiet = common->quiet;
  if (given->answer == M4_OK) return M4_OK;
  return m4_hint(err, m4_fail(err, (m4_status)given->answer, "place", "went wrong"), "do better");
}

/* Runs the words; what went to stderr comes back in a buffer of the caller. */
static int run_words(void **state, const m4_program *program, const char *words, work_options *given,
                     char said[4096]) {
  char copy[256];
  char *argv[16] = {(char *)program->name};
  int argc = 1;
  snprintf(copy, sizeof copy, "%s", words);
  for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
  *given = (work_options){0};
  const char *path = scratch_path(state, "said");
  int saved_out = capture_output(1, "/dev/null"), saved = capture_output(2, path);
  int code = m4_main(program, work, given, argc, argv);
  restore_output(2, saved);
  restore_output(1, saved_out);
  char *text = read_text(path);
  snprintf(said, 4096, "%s", text);
  free(text);
  return code;
}

static void exit_codes_are_those_of_the_status(void **state) {
  static const m4_status statuses[] = {M4_OK,     M4_USAGE,   M4_DATA,       M4_IO,
                                       M4_MEMORY, M4_NUMERIC, M4_INTERRUPTED};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; ++i) {
    char words[64], said[4096];
    work_options given;
    snprintf(words, sizeof words, "--answer %d", (int)statuses[i]);
    assert_int_equal(run_words(state, &plain, words, &given, said), m4_exit_code(statuses[i]));
    assert_int_equal(given.calls, 1);
    assert_int_equal(given.argc, 3);
    if (statuses[i] == M4_OK)
      assert_string_equal(said, "");
    else
      assert_string_equal(said, "m4-plain: error: place: went wrong\n  hint: do better\n");
  }
}

static void nothing_runs_after_help_or_a_mistake(void **state) {
  static const struct {
    const char *words;
    int code;
  } cases[] = {{"--help", 0},   {"--version", 0},  {"--nonsense", 2},
               {"--answer", 2}, {"--answer x", 2}, {"stray", 2}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    char said[4096];
    work_options given;
    assert_int_equal(run_words(state, &plain, cases[i].words, &given, said), cases[i].code);
    assert_int_equal(given.calls, 0);
    assert_int_equal(said[0] != '\0', cases[i].code != 0);
  }
}

/* Options that could have no effect are refused. */
static void programs_without_keys_have_only_quiet(void **state) {
  static const char *const refused[] = {"--config x.yaml", "--set a=b",         "--print-config",
                                        "--dry-run",       "--threads 2",       "--seed 3",
                                        "--device cpu",    "--compat reference"};
  char said[4096];
  work_options given;
  assert_int_equal(run_words(state, &plain, "--quiet", &given, said), 0);
  assert_true(given.quiet);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; ++i) {
    assert_int_equal(run_words(state, &plain, refused[i], &given, said), 2);
    assert_non_null(strstr(said, "unknown option"));
    assert_int_equal(run_words(state, &keyed, refused[i], &given, said), 0);
  }
}

static void a_seed_goes_into_its_key(void **state) {
  (void)state;
  sample_config values = {0};
  m4_config *config;
  m4_error err = {0};
  assert_int_equal(m4_config_create(&config, sample_keys, &values, &err), M4_OK);
  int64_t before = values.batch_size;
  m4_common common = {.seed = -1};
  assert_int_equal(m4_command_seed(&common, config, "training.batch_size", &err), M4_OK);
  assert_int_equal(values.batch_size, before);
  common.seed = 77;
  assert_int_equal(m4_command_seed(&common, config, "training.batch_size", &err), M4_OK);
  assert_int_equal(values.batch_size, 77);
  common.seed = INT64_MAX;
  assert_int_equal(m4_command_seed(&common, config, "training.batch_size", &err), M4_USAGE);
  m4_config_free(config);
}

int main(void) {
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
  const struct CMUnitTest tests[] = {
      WITH_SCRATCH(exit_codes_are_those_of_the_status), WITH_SCRATCH(nothing_runs_after_help_or_a_mistake),
      WITH_SCRATCH(programs_without_keys_have_only_quiet), cmocka_unit_test(a_seed_goes_into_its_key)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
