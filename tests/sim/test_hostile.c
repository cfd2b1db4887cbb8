/* Damaged scenario folders: always one clear error or a scenario that simulates; never a crash, never a leak
 * (run under ASan). */
#include "tests/sim/test_sim.h"

#include "base/file.h"
#include "base/philox.h"
#include "sim/engine.h"

enum { N_FILES = 5, ROUNDS_PER_FILE = 120, MAX_FLIPS = 4 };

static const char *const names[] = {"topology.txt", "flows.txt", "config.txt", "params.txt", "fct.txt", NULL};

typedef struct folder {
  char dir[64];
  char *text[N_FILES];
  size_t length[N_FILES];
} folder;

/* Keeps the first lines of a text; `head` replaces the first one. */
static void shorten(char **text, size_t *length, int lines, const char *head) {
  char *end = *text;
  for (int i = 0; i < lines; i++) end = strchr(end, '\n') + 1;
  *end = '\0';
  char *rest = head ? strchr(*text, '\n') + 1 : *text, *shorter = malloc(strlen(rest) + 64);
  sprintf(shorter, "%s%s", head ? head : "", rest);
  free(*text);
  *text = shorter;
  *length = strlen(shorter);
}

/* A good folder with 60 flows. */
static void make_folder(folder *good) {
  make_scratch_dir(good->dir);
  for (int i = 0; i < N_FILES; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/1/%s", NS3_DATA, names[i]);
    assert_int_equal(m4_file_read(path, 1 << 26, &good->text[i], &good->length[i], NULL), M4_OK);
  }
  shorten(&good->text[1], &good->length[1], 61, "60\n");
  shorten(&good->text[4], &good->length[4], 20, NULL);
  for (int i = 0; i < N_FILES; i++) write_in(good->dir, names[i], good->text[i], good->length[i]);
}

static void free_folder(folder *good) {
  remove_scratch_dir(good->dir, names);
  for (int i = 0; i < N_FILES; i++) free(good->text[i]);
}

/* Reads and, when that worked, simulates. */
static m4_status try_folder(const char *dir) {
  sim_scenario *scenario;
  m4_error err = {0};
  m4_status status = sim_scenario_read(&scenario, dir, &err);
  if (status != M4_OK) {
    assert_null(scenario);
    assert_true(err.what[0] != '\0' && err.where[0] != '\0');
    for (const char *c = err.what; *c; c++) assert_true((unsigned char)*c >= ' ');
    return status;
  }
  sim_backend *backend;
  sim_result result;
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(scenario);
  return M4_OK;
}

static void the_good_folder_works(void **state) {
  assert_int_equal(try_folder(((folder *)*state)->dir), M4_OK);
}

static void flipped_bits(void **state) {
  folder *good = *state;
  m4_rng rng = m4_rng_make(11, M4_RNG_TEST, 0);
  int refused = 0;
  for (int file = 0; file < N_FILES; file++) {
    char *bytes = malloc(good->length[file]);
    for (int round = 0; round < ROUNDS_PER_FILE; round++) {
      memcpy(bytes, good->text[file], good->length[file]);
      for (uint64_t flips = 1 + m4_rng_below(&rng, MAX_FLIPS); flips > 0; flips--)
        bytes[m4_rng_below(&rng, good->length[file])] ^= (char)(1 << m4_rng_below(&rng, 8));
      write_in(good->dir, names[file], bytes, good->length[file]);
      refused += try_folder(good->dir) != M4_OK;
    }
    write_in(good->dir, names[file], good->text[file], good->length[file]);
    free(bytes);
  }
  assert_in_range(refused, N_FILES * ROUNDS_PER_FILE / 2, N_FILES * ROUNDS_PER_FILE);
}

/* Cut anywhere inside, topology, flows and params have too little. */
static void truncated_files(void **state) {
  folder *good = *state;
  static const int needed[] = {0, 1, 3};
  for (size_t i = 0; i < 3; i++) {
    int file = needed[i];
    for (int part = 0; part < 40; part++) {
      size_t cut = good->length[file] * (size_t)part / 40;
      write_in(good->dir, names[file], good->text[file], cut);
      assert_int_equal(try_folder(good->dir), M4_DATA);
    }
    write_in(good->dir, names[file], good->text[file], good->length[file]);
  }
}

static void missing_files(void **state) {
  folder *good = *state;
  for (int file = 0; file < 3; file++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", good->dir, names[file]);
    remove(path);
    assert_int_equal(try_folder(good->dir), M4_IO);
    write_in(good->dir, names[file], good->text[file], good->length[file]);
  }
  assert_int_equal(try_folder("/nonexistent"), M4_IO);
}

typedef struct bad_file {
  int file;
  const char *text, *where, *what;
} bad_file;

/* One line each: the message must name the place and the thing. */
static void bad_content(void **state) {
  folder *good = *state;
  static const bad_file rows[] = {
      {1, "", "flows.txt", "empty"},
      {1, "x\n", "flows.txt:1", "number of flows"},
      {1, "-1\n", "flows.txt:1", "number of flows"},
      {1, "9000000000000000000\n0 0 1 3 100 10 1.0\n", "flows.txt:1", "number of flows"},
      {1, "2\n0 0 1 3 100 10 1.0\n", "flows.txt:2", "after 1 of 2"},
      {1, "1\n0 0 1 3 100 10 1.0\n1 0 1 3 100 10 1.0\n", "flows.txt:3", "goes on"},
      {1, "2\n0 0 1 3 100 10 1.0\n0 0 1 3 100 10 1.0\n", "flows.txt:3", "twice"},
      {1, "1\n0 0 32 3 100 10 1.0\n", "flows.txt:2", "not a host"},
      {1, "1\n0 99 1 3 100 10 1.0\n", "flows.txt:2", "source host"},
      {1, "1\n0 -1 1 3 100 10 1.0\n", "flows.txt:2", "source host"},
      {1, "1\n0 1 1 3 100 10 1.0\n", "flows.txt:2", "itself"},
      {1, "1\n0 0 1 3 100 0 1.0\n", "flows.txt:2", "size"},
      {1, "1\n0 0 1 3 100 -5 1.0\n", "flows.txt:2", "size"},
      {1, "1\n0 0 1 3 100 99999999999999999999 1.0\n", "flows.txt:2", "size"},
      {1, "1\n0 0 1 3 100 nan 1.0\n", "flows.txt:2", "size"},
      {1, "1\n0 0 1 3 100 10 nan\n", "flows.txt:2", "start time"},
      {1, "1\n0 0 1 3 100 10 -1.0\n", "flows.txt:2", "start time"},
      {1, "1\n0 0 1 3 100 10 1e30\n", "flows.txt:2", "start time"},
      {1, "1\n0 0 1 3 100 10\n", "flows.txt:2", "start time"},
      {1, "1\n0 0 1 3 100 10 1.0 7\n", "flows.txt:2", "extra"},
      {1, "1\n0 0 1 3 70000 10 1.0\n", "flows.txt:2", "destination port"},
      {1, "2\n0 0 1 3 100 10 1.5\n1 0 1 3 100 10 1.0\n", "flows.txt:3", "before"},
      {3, "1 2 3\n", "params.txt", "13"},
      {3, "1 2 3 4 5 6 7 8 9 10 11 12 13 14\n", "params.txt:1", "13"},
      {3, "1 2 3 4 5 6 7 8 9 10 11 12 nan\n", "params.txt:1", "finite"},
      {3, "1 2 3 4 5 6 7 8 9 10 11 12 inf\n", "params.txt:1", "finite"},
      {4, "0 0b001101 0b000201 10000 100 1 2 3 4\n", "fct.txt:1", "bytes here"},
      {4, "0 0b001101 0b000201 10000 100 1 2 3\n", "fct.txt:1", "ends before"},
      {4, "0 0b001101\n", "fct.txt:1", "9 columns"},
      {4, "99999 0b001101 0b000201 10000 100 100 1000000000 3000 2999\n", "fct.txt:1", "not in flows.txt"}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int file = rows[i].file;
    write_in(good->dir, names[file], rows[i].text, strlen(rows[i].text));
    sim_scenario *scenario;
    m4_error err = {0};
    assert_int_equal(sim_scenario_read(&scenario, good->dir, &err), M4_DATA);
    if (!strstr(err.where, rows[i].where) || (!strstr(err.what, rows[i].what)))
      fail_msg("row %zu: \"%s\" at \"%s\"", i, err.what, err.where);
    write_in(good->dir, names[file], good->text[file], good->length[file]);
  }
}

/* Hosts exist but are not connected. */
static void unreachable_hosts(void **state) {
  folder *good = *state;
  const char *topology = "4 2 2\n2 3\n0 2 10Gbps 1us 0\n1 3 10Gbps 1us 0\n",
             *flows = "1\n0 0 1 3 100 10 1.0\n";
  write_in(good->dir, names[0], topology, strlen(topology));
  write_in(good->dir, names[1], flows, strlen(flows));
  sim_scenario *scenario;
  m4_error err = {0};
  assert_int_equal(sim_scenario_read(&scenario, good->dir, &err), M4_DATA);
  assert_non_null(strstr(err.what, "no path"));
}

static int setup(void **state) {
  static folder good;
  make_folder(&good);
  *state = &good;
  return 0;
}

static int teardown(void **state) {
  free_folder(*state);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_good_folder_works), cmocka_unit_test(flipped_bits),
      cmocka_unit_test(truncated_files),       cmocka_unit_test(missing_files),
      cmocka_unit_test(bad_content),           cmocka_unit_test(unreachable_hosts)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
