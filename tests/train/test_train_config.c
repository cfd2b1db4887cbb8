/* The training configuration: the reference's file, what follows from it, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "train/config.h"
#include "train/schedule.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char reference[] = "dataset:\n"
                                "  shard: 0                      # seed of everything\n"
                                "  lr: 10\n"
                                "  train_frac: 0.9\n"
                                "  topo_type: \"_topology_flows\"\n"
                                "  sampling_method: \"balanced\"\n"
                                "  n_samples_sampled: 4000\n"
                                "  threadhold_sampled: 150\n"
                                "  flow_size_threshold: 100000000\n"
                                "  enable_flowsim_gt: False\n"
                                "  enable_remainsize: True\n"
                                "  enable_queuelen: True\n"
                                "model:\n"
                                "  model_name: \"lstm\"\n"
                                "  n_layer: 2\n"
                                "  input_size: 2\n"
                                "  gcn_n_layer: 3\n"
                                "  loss_fn_type: \"l1\"\n"
                                "  hidden_size: 200\n"
                                "  gcn_hidden_size: 300\n"
                                "  dropout: 0.2\n"
                                "  enable_positional_encoding: False\n"
                                "  enable_gnn: True\n"
                                "  enable_lstm: True\n"
                                "  enable_link_state: True\n"
                                "training:\n"
                                "  gpu: [0]\n"
                                "  n_epochs: 15\n"
                                "  batch_size: 2\n"
                                "  learning_rate: 0.0001\n"
                                "  num_workers: 2\n"
                                "  enable_val: True\n"
                                "  enable_dist: False\n";

/* Loads text as a file; returns the status of loading and checking. */
static m4_status load(const char *text, bool compat, tr_config *values, m4_config **config, m4_error *error) {
  char path[] = "train_config_XXXXXX";
  int descriptor = mkstemp(path);
  assert_true(descriptor >= 0);
  assert_int_equal(write(descriptor, text, strlen(text)), (int)strlen(text));
  close(descriptor);
  memset(values, 0, sizeof *values);
  assert_int_equal(m4_config_create(config, tr_keys, values, error), M4_OK);
  m4_config_compat(*config, compat);
  m4_status status = m4_config_load(*config, path, error);
  if (status == M4_OK) status = tr_config_check(values, *config, error);
  unlink(path);
  return status;
}

static void the_published_file_loads(void **state) {
  (void)state;
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  assert_int_equal(load(reference, false, &values, &config, &error), M4_OK);
  m4_widths widths = tr_widths(&values);
  assert_int_equal(widths.hidden, 200);
  assert_int_equal(widths.gcn_hidden, 300);
  assert_int_equal(widths.gcn_layers, 3);
  assert_true(widths.has_size_head && widths.has_queue_head);
  ds_sampling_options sampling = tr_sampling(&values);
  assert_int_equal(sampling.method, DS_BALANCED);
  assert_int_equal(sampling.split_by, DS_SPLIT_PERIOD);
  assert_int_equal(sampling.n_samples, 4000);
  assert_int_equal(sampling.active_limit, 150);
  assert_true(sampling.train_frac == 0.9);
  assert_int_equal(sampling.batch_size, 2);
  m4_loss_options loss = tr_loss_options(&values, true);
  assert_true(loss.dropout == 0.2 && loss.weight_size == 0.005 && loss.weight_queue == 0.005 &&
              !loss.averaged);
  assert_int_equal(loss.link_slots, 96);
  assert_true(tr_loss_options(&values, false).dropout == 0.0);
  assert_true(values.training.learning_rate == 1e-4);
  m4_config_free(config);
}

static void averaged_loss_has_its_own_weights(void **state) {
  (void)state;
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  assert_int_equal(load("training: {loss: averaged, weight_queue: 0.3}\n", false, &values, &config, &error),
                   M4_OK);
  m4_loss_options loss = tr_loss_options(&values, true);
  assert_true(loss.averaged && loss.weight_size == 0.1 && loss.weight_queue == 0.3);
  m4_config_free(config);
}

static void the_error_of_a_flow_can_be_chosen(void **state) {
  (void)state;
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  assert_int_equal(load("training: {}\n", false, &values, &config, &error), M4_OK);
  m4_loss_options loss = tr_loss_options(&values, true);
  assert_true(loss.fct_form == M4_FCT_RELATIVE && loss.tail_weight == 0);
  m4_config_free(config);
  const char *text = "training: {loss_fct: log, tail_weight: 0.5}\n";
  assert_int_equal(load(text, false, &values, &config, &error), M4_OK);
  loss = tr_loss_options(&values, false);
  assert_true(loss.fct_form == M4_FCT_LOG && loss.tail_weight == 0.5);
  m4_config_free(config);
}

/* Warm-up, then steps; the plateau's own rate is taken as it stands. */
static void schedules_are_functions_of_the_state(void **state_) {
  (void)state_;
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  const char *text = "training: {learning_rate: 0.01, lr_schedule: step, lr_factor: 0.5, lr_step_epochs: 3, "
                     "lr_warmup_steps: 4, lr_min: 0.002}\n";
  assert_int_equal(load(text, false, &values, &config, &error), M4_OK);
  tr_state state = {.learning_rate = 0.123};
  const struct {
    int64_t step, epoch;
    double rate;
  } cases[] = {{0, 0, 0.0025}, {3, 0, 0.01}, {4, 2, 0.01}, {9, 3, 0.005}, {99, 6, 0.0025}, {99, 9, 0.002}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    state.step = cases[i].step;
    state.epoch = cases[i].epoch;
    assert_true(fabs(tr_learning_rate(&values, &state, 100) - cases[i].rate) < 1e-15);
  }
  m4_config_free(config);
  assert_int_equal(load("training: {lr_schedule: plateau}\n", false, &values, &config, &error), M4_OK);
  assert_true(tr_learning_rate(&values, &state, 100) == 0.123);
  m4_config_free(config);
  text = "training: {lr_schedule: cosine, learning_rate: 0.01, lr_min: 0.001}\n";
  assert_int_equal(load(text, false, &values, &config, &error), M4_OK);
  state.step = 0;
  assert_true(fabs(tr_learning_rate(&values, &state, 100) - 0.01) < 1e-15);
  state.step = 50;
  assert_true(fabs(tr_learning_rate(&values, &state, 100) - 0.0055) < 1e-15);
  state.step = 100;
  assert_true(fabs(tr_learning_rate(&values, &state, 100) - 0.001) < 1e-15);
  m4_config_free(config);
}

static void refused(const char *text, const char *where, const char *what) {
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  assert_int_equal(load(text, false, &values, &config, &error), M4_USAGE);
  if (!strstr(error.where, where) || !strstr(error.what, what)) {
    print_error("where '%s' what '%s'\n", error.where, error.what);
    fail();
  }
  m4_config_free(config);
}

static void impossible_settings_are_refused(void **state) {
  (void)state;
  refused("model:\n  enable_gnn: False\n  enable_lstm: False\n", ":3:", "nothing would be left");
  refused("training:\n  precision: float64\n  gemm: bf16\n", ":3:", "exclude each other");
  refused("training:\n  precision: float64\n  gemm: tf32\n", ":3:", "tf32 and training.precision float64");
  refused("training:\n  device: cpu\n  devices: [0, 1]\n", ":3:", "only one of them can choose");
  refused("dataset:\n  enable_flowsim_gt: True\n", ":2:", "not supported");
  refused("dataset:\n  flow_size_threshold: 5000\n", ":2:", "100000000");
  refused("dataset:\n  bins: [1, 5, 5]\n", ":2:", "increase");
  refused("training:\n  batch_size: 0\n", ":2:15", "");
  refused("training:\n  tail_weight: -1\n", ":2:16", "");
  refused("training:\n  loss_fct: huber\n", ":2:13", "");
  refused("training:\n  accumulate_batches: 0\n", ":2:23", "");
  refused("training:\n  save_top_k: 65\n", ":2:15", "");
  refused("dataset:\n  threadhold: 3\n", ":2:3", "unknown");
}

static void old_keys_need_compat(void **state) {
  (void)state;
  const char *text = "dataset:\n  n_flows_list: [2000]\n  n_hosts_list: [32]\n";
  tr_config values;
  m4_config *config;
  m4_error error = {0};
  assert_int_equal(load(text, false, &values, &config, &error), M4_USAGE);
  m4_config_free(config);
  assert_int_equal(load(text, true, &values, &config, &error), M4_OK);
  assert_non_null(strstr(m4_config_unused(config), "dataset.n_flows_list"));
  assert_non_null(strstr(m4_config_unused(config), "dataset.n_hosts_list"));
  m4_config_free(config);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_published_file_loads),
                                     cmocka_unit_test(averaged_loss_has_its_own_weights),
                                     cmocka_unit_test(the_error_of_a_flow_can_be_chosen),
                                     cmocka_unit_test(schedules_are_functions_of_the_state),
                                     cmocka_unit_test(impossible_settings_are_refused),
                                     cmocka_unit_test(old_keys_need_compat)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
