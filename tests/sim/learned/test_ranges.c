/* Warnings about inputs a model has not seen: which, how far, and none without knowledge. */
#include "sim/learned/ranges.h"

#include "nn/weights.h"
#include "sim/learned/learned.h"
#include "tests/sim/test_sim.h"

/* Sizes of 1 to 1023 bytes (as bytes), 2 links, everything as in scenario_of but a buffer of 11 to 12. */
#define NARROW                                                                                               \
  "{\"size_feature\": [1, 10], \"n_links\": [2, 2], \"params\": [[11, 12], [10, 10], [1, 1], [0, 0], "       \
  "[0, 0], [0, 0], [10, 10.5], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]]}"

static int count(const sim_scenario *scenario) {
  int n = 0;
  while (scenario->warnings && scenario->warnings[n]) n++;
  return n;
}

static sim_scenario *scenario_with(int64_t size_bytes, int32_t destination) {
  const sim_flow flows[] = {{.src = 0, .dst = 1, .size_bytes = 1000},
                            {.src = 0, .dst = destination, .size_bytes = size_bytes},
                            {.src = 0, .dst = destination, .size_bytes = 1500}};
  return scenario_of(training_fabric(), flows, 3);
}

static void each_input_is_told(void **state) {
  (void)state;
  sim_ranges ranges;
  m4_error err = {0};
  assert_int_equal(sim_ranges_parse(&ranges, NARROW, &err), M4_OK);
  sim_scenario *scenario = scenario_with(2047, 4);
  int32_t path = scenario->flows[1].n_links;
  assert_true(path > 2);
  assert_int_equal(sim_ranges_warn(&ranges, M4_SIZE_BYTES, scenario, &err), M4_OK);
  assert_int_equal(count(scenario), 3);
  assert_non_null(strstr(scenario->warnings[0], "size feature of 2 flows"));
  assert_non_null(strstr(scenario->warnings[0], "furthest is flow 1 (2047 bytes"));
  assert_non_null(strstr(scenario->warnings[0], "with 11, by 1"));
  assert_non_null(strstr(scenario->warnings[1], "path length of 2 flows"));
  assert_non_null(strstr(scenario->warnings[2], "parameter 0 (buffer) is 10"));
  assert_non_null(strstr(scenario->warnings[2], "11 to 12 by 1"));
  sim_scenario_free(scenario);
}

static void nothing_is_told_inside_or_without_ranges(void **state) {
  (void)state;
  sim_ranges ranges;
  sim_scenario *scenario = scenario_with(1023, 1);
  scenario->n_flows = 2;
  scenario->params[0] = 12;
  assert_int_equal(sim_ranges_parse(&ranges, NARROW, NULL), M4_OK);
  assert_int_equal(sim_ranges_warn(&ranges, M4_SIZE_BYTES, scenario, NULL), M4_OK);
  assert_int_equal(count(scenario), 0);
  scenario->params[0] = 99;
  assert_int_equal(sim_ranges_parse(&ranges, NULL, NULL), M4_OK);
  assert_int_equal(sim_ranges_warn(&ranges, M4_SIZE_BYTES, scenario, NULL), M4_OK);
  assert_int_equal(count(scenario), 0);
  sim_scenario_free(scenario);
}

static void damaged_ranges_are_refused(void **state) {
  (void)state;
  static const char *const texts[] = {"",
                                      "{",
                                      "[]",
                                      "7",
                                      "{\"size_feature\": [0, 1], \"n_links\": [1, 2]}",
                                      "{\"size_feature\": [0, 1], \"n_links\": [1, 2], \"params\": [[0, 1]]}",
                                      "{\"size_feature\": [2, 1], \"n_links\": [1, 2], \"params\": []}",
                                      "{\"size_feature\": [\"0\", 1], \"n_links\": [1, 2], \"params\": []}"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    sim_ranges ranges;
    m4_error err = {0};
    assert_int_equal(sim_ranges_parse(&ranges, texts[i], &err), M4_DATA);
    assert_string_equal(err.where, "input_ranges");
    assert_false(ranges.known);
  }
}

/* Through a checkpoint: the ranges travel in its metadata. */
static m4_status load_with(const char *text, sim_learned_model **model, m4_error *err) {
  char path[64];
  fclose(scratch_file(path));
  m4_model *weights;
  m4_metadata metadata = {0};
  assert_int_equal(m4_weights_load(&weights, ag_cpu_backend(AG_F32),
                                   M4_TEST_DATA "/golden/m4_small.safetensors", NULL, NULL),
                   M4_OK);
  assert_int_equal(m4_metadata_set(&metadata, "input_ranges", text, NULL), M4_OK);
  assert_int_equal(m4_weights_save(weights, path, &metadata, true, NULL), M4_OK);
  m4_metadata_free(&metadata);
  m4_model_free(weights);
  m4_status status = sim_learned_model_load(model, path, err);
  remove(path);
  return status;
}

static void a_checkpoint_brings_its_ranges(void **state) {
  (void)state;
  sim_learned_model *model = NULL;
  m4_error err = {0};
  sim_scenario *scenario = scenario_with(2047, 4);
  assert_int_equal(load_with(NARROW, &model, &err), M4_OK);
  assert_int_equal(sim_learned_warn(model, scenario, &err), M4_OK);
  assert_true(count(scenario) >= 2);
  sim_learned_model_free(model);
  sim_scenario_free(scenario);
  assert_int_equal(load_with("broken", &model, &err), M4_DATA);
  assert_non_null(strstr(err.where, "input_ranges"));
  assert_null(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_input_is_told), cmocka_unit_test(nothing_is_told_inside_or_without_ranges),
      cmocka_unit_test(damaged_ranges_are_refused), cmocka_unit_test(a_checkpoint_brings_its_ranges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
