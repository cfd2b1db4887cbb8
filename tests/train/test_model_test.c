/* Tests of models: what is told agrees with the rows written, kinds of flows add up, numbers that are none
 * are an error. usage: test_model_test DATASET (a folder made by m4-datagen) */
#include "tests/nn/small_model.h"

#include "train/test_buckets.h"
#include "train/test_parts.h"
#include "train/test_plot.h"

#include <math.h>
#include <sys/stat.h>

static const char *dataset_path;
enum { N_PERIODS = 40 };

typedef struct fixture {
  ds_dataset *dataset;
  int64_t periods[N_PERIODS];
  int64_t n_periods;
  double *loads;
  m4_model *model;
  m4_loss_options loss;
  tr_test_job job;
  char *out;
} fixture;

static void setup(fixture *f, void **state) {
  m4_error err = {0};
  if (ds_open(&f->dataset, dataset_path, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
  f->n_periods = 0;
  for (int64_t p = 0; p < ds_n_periods(f->dataset) && f->n_periods < N_PERIODS; ++p)
    if (ds_scenario_usable(f->dataset, ds_period(f->dataset, p).scenario)) f->periods[f->n_periods++] = p;
  assert_int_equal(f->n_periods, N_PERIODS);
  assert_int_equal(tr_test_loads(&f->loads, f->dataset, f->periods, f->n_periods, &err), M4_OK);
  f->model = model_of(small_widths(), AG_F32, 3);
  f->loss = m4_default_loss();
  f->out = strdup(scratch_path(state, "out"));
  f->job = (tr_test_job){.dataset = f->dataset,
                         .periods = f->periods,
                         .n_periods = f->n_periods,
                         .scenario_loads = f->loads,
                         .model = f->model,
                         .loss = &f->loss,
                         .out = f->out,
                         .label = "small",
                         .checkpoint = "none",
                         .dataset_path = dataset_path,
                         .reader_threads = 1};
}

static void teardown(fixture *f) {
  free(f->out);
  free(f->loads);
  m4_model_free(f->model);
  ds_close(f->dataset);
}

static void test_it(const fixture *f, tr_test_result *result) {
  m4_error err = {0};
  if (tr_test(&f->job, result, &err) != M4_OK) fail_msg("%s: %s", err.where, err.what);
}

static FILE *open_csv(const fixture *f, const char *name) {
  char path[4200], header[1024];
  snprintf(path, sizeof path, "%s/%s", f->out, name);
  FILE *in = fopen(path, "r");
  assert_non_null(in);
  assert_non_null(fgets(header, sizeof header, in));
  return in;
}

/* Mean error from flows.csv, computed here. */
static void flows_agree_with_their_file(void **state) {
  fixture f;
  setup(&f, state);
  tr_test_result result;
  test_it(&f, &result);
  int64_t expected_flows = 0, n = 0;
  for (int64_t i = 0; i < f.n_periods; ++i) expected_flows += ds_period(f.dataset, f.periods[i]).n_flows;
  assert_int_equal(result.n_flows, expected_flows);
  FILE *in = open_csv(&f, "flows.csv");
  long long period, id, size, fct, ideal;
  int segment, n_links, period_flows, active;
  double slowdown, predicted, flowsim, load, sum = 0, flowsim_sum = 0;
  char scenario[64], cc[16];
  while (fscanf(in, "%lld,%63[^,],%d,%lld,%lld,%d,%lld,%lld,%lf,%lf,%lf,%d,%d,%lf,%15s\n", &period, scenario,
                &segment, &id, &size, &n_links, &fct, &ideal, &slowdown, &predicted, &flowsim, &period_flows,
                &active, &load, cc) == 15) {
    const tr_flow_row *row = &result.rows[n++];
    assert_true(row->period == period && row->flow_id == id && row->size_bytes == size && row->fct_ns == fct);
    assert_float_equal(row->predicted_slowdown, predicted, 1e-6 * fabs(predicted));
    assert_float_equal(slowdown, (double)fct / (double)ideal, 1e-6 * slowdown);
    assert_true(active >= 1 && active <= period_flows && load > 0 && load < 2);
    assert_int_equal(period_flows, ds_period(f.dataset, period).n_flows);
    assert_string_not_equal(cc, "none");
    sum += fabs(fmax(1, predicted) - slowdown) / slowdown;
    flowsim_sum += fabs(flowsim - slowdown) / slowdown;
  }
  assert_true(feof(in));
  fclose(in);
  assert_int_equal(n, result.n_flows);
  assert_float_equal(result.m4.all.mean, sum / (double)n, 1e-6);
  assert_float_equal(result.flowsim.all.mean, flowsim_sum / (double)n, 1e-6);
  tr_test_result_free(&result);
  teardown(&f);
}

/* Mean and p90 of a head's error from its file. */
static void check_head(const fixture *f, const char *name, const tr_head_quality *head, double power) {
  static float errors[1 << 20];
  FILE *in = open_csv(f, name);
  long long period, event, row, n = 0, above = 0;
  double truth, predicted, sum = 0;
  while (fscanf(in, "%lld,%lld,%lld,%lf,%lf\n", &period, &event, &row, &truth, &predicted) == 5) {
    errors[n++] = (float)fabs(predicted - truth);
    sum += fabs(predicted - truth);
    assert_true(truth >= 0 && (power > 1 || truth <= 1));
  }
  assert_true(feof(in));
  fclose(in);
  assert_true(n > 100);
  assert_int_equal(head->n_labels, n);
  assert_int_equal(head->pairs.n, n);
  assert_float_equal(head->mean, sum / (double)n, 1e-5 * head->mean);
  for (long long i = 0; i < n; ++i) above += errors[i] > head->p90 * (1 + 1e-5);
  assert_true(llabs(above - n / 10) <= n / 20 + 2);
  assert_true(head->mean_bytes > 0);
}

static void heads_agree_with_their_files(void **state) {
  fixture f;
  setup(&f, state);
  tr_test_result result;
  test_it(&f, &result);
  check_head(&f, "size.csv", &result.size, 1);
  check_head(&f, "queue.csv", &result.queue, 3);
  tr_test_result_free(&result);
  f.model->widths.has_size_head = f.model->widths.has_queue_head = false;
  test_it(&f, &result);
  assert_int_equal(result.size.n_labels + result.queue.n_labels, 0);
  assert_true(isnan(result.size.mean) && isnan(result.queue.p90));
  tr_test_result_free(&result);
  f.model->widths.has_size_head = f.model->widths.has_queue_head = true;
  teardown(&f);
}

/* Times ascend, sizes shrink, and the values are those of the longest period's rows in the files. */
static void examples_come_from_the_longest_period(void **state) {
  fixture f;
  setup(&f, state);
  tr_test_result result;
  test_it(&f, &result);
  int32_t longest = 0;
  for (int64_t i = 0; i < f.n_periods; ++i)
    if (ds_period(f.dataset, f.periods[i]).n_flows > longest)
      longest = ds_period(f.dataset, f.periods[i]).n_flows;
  const tr_example *size = &result.size_example, *queue = &result.queue_example;
  assert_int_equal(size->period_flows, longest);
  assert_int_equal(queue->period, size->period);
  assert_true(size->n > 1 && queue->n > 1);
  for (int64_t i = 1; i < size->n; ++i) {
    assert_true(size->time_us[i] >= size->time_us[i - 1]);
    assert_true(size->truth[i] <= size->truth[i - 1]);
  }
  for (int64_t i = 0; i < queue->n; ++i) assert_true(queue->truth[i] >= 0 && isfinite(queue->predicted[i]));
  FILE *in = open_csv(&f, "size.csv");
  long long period, event, id;
  double truth, predicted;
  int64_t n_found = 0;
  while (fscanf(in, "%lld,%lld,%lld,%lf,%lf\n", &period, &event, &id, &truth, &predicted) == 5)
    for (int64_t i = 0; i < result.n_flows && period == size->period; ++i)
      if (result.rows[i].period == period && result.rows[i].flow_id == id && n_found < size->n &&
          fabs(truth * (double)result.rows[i].size_bytes - size->truth[n_found]) < 1e-3 * size->truth[0] &&
          fabs(predicted * (double)result.rows[i].size_bytes - size->predicted[n_found]) <
              1e-3 * size->truth[0])
        ++n_found;
  fclose(in);
  assert_int_equal(n_found, size->n);
  tr_test_result_free(&result);
  teardown(&f);
}

/* Buckets of every dimension hold each flow once; the flow-weighted mean of their means is the mean of all.
 */
static void buckets_add_up(void **state) {
  fixture f;
  setup(&f, state);
  tr_test_result results[2];
  test_it(&f, &results[0]);
  f.job.label = "again";
  test_it(&f, &results[1]);
  for (int d = 0; d < TR_N_DIMENSIONS; ++d) {
    int64_t n = 0;
    double sum = 0;
    for (int b = 0; b < tr_dimensions[d].n_buckets; ++b) {
      tr_bucket_error errors[3];
      m4_error err = {0};
      assert_int_equal(tr_bucket_errors(errors, results, 2, &tr_dimensions[d], b, &err), M4_OK);
      assert_int_equal(errors[0].stats.n_flows, errors[1].stats.n_flows);
      assert_memory_equal(&errors[1], &errors[2], sizeof errors[1]);
      n += errors[1].stats.n_flows;
      if (errors[1].stats.n_flows > 0) sum += errors[1].stats.mean * (double)errors[1].stats.n_flows;
      if (d == 0 && errors[1].stats.n_flows > 0) {
        assert_float_equal(errors[1].stats.mean, results[0].m4.by_size[b].mean, 1e-12);
        assert_string_equal(tr_dimensions[0].buckets[b], m4_bucket_name(b));
      }
    }
    assert_int_equal(n, results[0].n_flows);
    assert_float_equal(sum / (double)n, results[0].m4.all.mean, 1e-9);
  }
  tr_test_result_free(&results[0]);
  tr_test_result_free(&results[1]);
  teardown(&f);
}

static void places_in_buckets(void **state) {
  (void)state;
  static const struct {
    int dimension, bucket;
    tr_flow_row row;
  } cases[] = {{0, 0, {.size_bytes = 1000}},
               {0, 1, {.size_bytes = 1001}},
               {0, 3, {.size_bytes = INT64_MAX}},
               {1, 0, {.period_flows = 1}},
               {1, 1, {.period_flows = 10}},
               {1, 2, {.period_flows = 11}},
               {1, 4, {.period_flows = 1001}},
               {2, 0, {.active = 1}},
               {2, 1, {.active = 2}},
               {2, 4, {.active = 150}},
               {2, 5, {.active = 151}},
               {3, 0, {.load = 0.3}},
               {3, 1, {.load = 0.31}},
               {3, 6, {.load = 0.81}},
               {3, -1, {.load = NAN}},
               {4, 2, {.cc = 2}},
               {4, 4, {.cc = 4}}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i)
    assert_int_equal(tr_dimensions[cases[i].dimension].bucket_of(&cases[i].row), cases[i].bucket);
}

static bool exists(const char *folder, const char *name) {
  char path[4200];
  struct stat info;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return stat(path, &info) == 0 && info.st_size > 0;
}

static void tables_and_figures_are_written(void **state) {
  static const char *const figures[] = {
      "error_cdf",  "predicted_vs_true", "slowdown_above_1MB", "mean_by_load",       "p90_by_active",
      "size_error", "size_example",      "queue_example",      "scenario_error_cdf", "queue_vs_true"};
  fixture f;
  setup(&f, state);
  tr_test_result results[2];
  test_it(&f, &results[0]);
  test_it(&f, &results[1]);
  m4_error err = {0};
  const char *checkpoints[] = {"a", "b"};
  assert_int_equal(tr_write_models(results, 2, checkpoints, f.out, &err), M4_OK);
  assert_int_equal(tr_write_buckets(results, 2, f.out, &err), M4_OK);
  FILE *in = open_csv(&f, "models.csv");
  int lines = 0;
  for (int c = fgetc(in); c != EOF; c = fgetc(in)) lines += c == '\n';
  fclose(in);
  assert_int_equal(lines, 3);
  bool drawn = false;
  assert_int_equal(tr_plot_test(results, 2, scratch_path(state, "plots"), &drawn, &err), M4_OK);
  for (size_t i = 0; i < sizeof figures / sizeof figures[0]; ++i) {
    char name[64];
    snprintf(name, sizeof name, "%s.csv", figures[i]);
    assert_true(exists(scratch_path(state, "plots"), name));
    snprintf(name, sizeof name, "%s.png", figures[i]);
    assert_int_equal(exists(scratch_path(state, "plots"), name), drawn);
  }
  tr_test_result_free(&results[0]);
  tr_test_result_free(&results[1]);
  teardown(&f);
}

/* One weight is not a number: an error that says so, and no half-written results. */
static void weights_that_are_no_numbers_are_an_error(void **state) {
  fixture f;
  setup(&f, state);
  for (int which = 0; which < 2; ++which) {
    const ag_param *param = which ? f.model->size_head.bias2 : f.model->fct_head.bias2;
    float *value = (float *)param->data, good = *value;
    *value = which ? INFINITY : NAN;
    tr_test_result result;
    m4_error err = {0};
    assert_int_equal(tr_test(&f.job, &result, &err), M4_NUMERIC);
    assert_non_null(strstr(err.where, "busy period"));
    assert_true(err.what[0] != '\0');
    assert_false(exists(f.out, "flows.csv") || exists(f.out, "summary.json"));
    tr_test_result_free(&result);
    *value = good;
  }
  teardown(&f);
}

/* Five million pairs: evenly thinned, in order. */
static void very_many_pairs_are_thinned(void **state) {
  (void)state;
  enum { N = 5000000 };
  tr_pairs pairs = {0};
  for (int64_t i = 0; i < N; ++i) assert_true(tr_keep_pair(&pairs, i, (float)(i / 4096), (float)(i % 4096)));
  assert_true(pairs.stride == 2 && pairs.n == N / 2);
  for (int64_t i = 0; i < pairs.n; ++i)
    if ((int64_t)pairs.truth[i] * 4096 + (int64_t)pairs.predicted[i] != i * pairs.stride)
      fail_msg("pair %lld is another one", (long long)i);
  free(pairs.truth);
  free(pairs.predicted);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  dataset_path = argv[1];
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
  const struct CMUnitTest tests[] = {WITH_SCRATCH(flows_agree_with_their_file),
                                     WITH_SCRATCH(heads_agree_with_their_files),
                                     WITH_SCRATCH(examples_come_from_the_longest_period),
                                     WITH_SCRATCH(buckets_add_up),
                                     cmocka_unit_test(places_in_buckets),
                                     WITH_SCRATCH(tables_and_figures_are_written),
                                     WITH_SCRATCH(weights_that_are_no_numbers_are_an_error),
                                     cmocka_unit_test(very_many_pairs_are_thinned)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
