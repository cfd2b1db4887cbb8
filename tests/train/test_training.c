/* Whole trainings on a tiny dataset, in this process: what the switches of the loop do. usage: test_training
 * DATASET (a folder made by m4-datagen) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "nn/init.h"
#include "nn/weights.h"
#include "train/replay.h"
#include "train/run_folder.h"
#include "train/train.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *dataset;
static char work[64]; /* a folder of its own, removed at the end */

static const char *const common[] = {"dataset.n_samples_sampled=20", "dataset.train_frac=0.8",
                                     "model.hidden_size=8",          "model.gcn_hidden_size=12",
                                     "training.n_epochs=2",          "training.learning_rate=0.001",
                                     "training.log_every_n_steps=1", NULL};

/* What a training left behind. */
typedef struct outcome {
  m4_status status;
  m4_error error;
  char dir[TR_PATH_BYTES];
} outcome;

static void set(m4_config *config, const char *assignment) {
  m4_error error = {0};
  if (m4_config_set(config, assignment, &error) != M4_OK) fail_msg("%s: %s", error.where, error.what);
}

/* settings: NULL-terminated, after the common ones. */
static outcome train(const char *note, const char *resume, const char *const *settings) {
  outcome result = {.status = M4_OK};
  tr_config values;
  m4_config *config;
  char assignment[TR_PATH_BYTES];
  memset(&values, 0, sizeof values);
  assert_int_equal(m4_config_create(&config, tr_keys, &values, NULL), M4_OK);
  for (const char *const *item = common; *item; ++item) set(config, *item);
  snprintf(assignment, sizeof assignment, "dataset.path=%s", dataset);
  set(config, assignment);
  snprintf(assignment, sizeof assignment, "training.dir_output=%s", work);
  set(config, assignment);
  snprintf(assignment, sizeof assignment, "training.note=%s", note);
  set(config, assignment);
  for (const char *const *item = settings; *item; ++item) set(config, *item);
  tr_job job = {.values = &values, .config = config, .resume = resume};
  result.status = tr_train(&job, result.dir, &result.error);
  m4_config_free(config);
  return result;
}

#define TRAIN(note, ...) train(note, NULL, (const char *const[]){__VA_ARGS__, NULL})

static outcome trained(outcome result) {
  if (result.status != M4_OK) fail_msg("%s: %s", result.error.where, result.error.what);
  return result;
}

static bool has(const outcome *run, const char *name) {
  char path[2 * TR_PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s", run->dir, name);
  return access(path, F_OK) == 0;
}

static char *contents(const outcome *run, const char *name, size_t *length) {
  char path[2 * TR_PATH_BYTES], *text;
  m4_error error = {0};
  snprintf(path, sizeof path, "%s/%s", run->dir, name);
  if (m4_file_read(path, 1 << 28, &text, length, &error) != M4_OK) fail_msg("%s", error.what);
  return text;
}

/* Numbers of a safetensors file: what follows its header. */
static void assert_same_numbers(const outcome *a, const outcome *b, const char *name) {
  const outcome *runs[2] = {a, b};
  char *text[2];
  size_t length[2], skip[2];
  for (int i = 0; i < 2; ++i) {
    uint64_t header;
    text[i] = contents(runs[i], name, &length[i]);
    memcpy(&header, text[i], sizeof header);
    skip[i] = 8 + (size_t)header;
  }
  assert_int_equal(length[0] - skip[0], length[1] - skip[1]);
  assert_memory_equal(text[0] + skip[0], text[1] + skip[1], length[0] - skip[0]);
  free(text[0]);
  free(text[1]);
}

/* Values of `field` in all journal records of a kind; returns how many (at most 1000). */
static int journal(const outcome *run, const char *kind, const char *field, double *values) {
  size_t length;
  char *text = contents(run, "metrics.jsonl", &length), *rest = text;
  int count = 0;
  for (char *line; count < 1000 && (line = strtok_r(rest, "\n", &rest));) {
    json_t *record = json_loads(line, 0, NULL);
    assert_non_null(record);
    if (strcmp(json_string_value(json_object_get(record, "kind")), kind) == 0)
      values[count++] = json_number_value(json_object_get(record, field));
    json_decref(record);
  }
  free(text);
  return count;
}

/* ---- steps ---- */

static void accumulated_batches_equal_a_larger_batch(void **state) {
  (void)state;
  outcome whole = trained(TRAIN("whole", "training.batch_size=4"));
  outcome parts = trained(TRAIN("parts", "training.batch_size=2", "training.accumulate_batches=2"));
  outcome singles = trained(TRAIN("singles", "training.batch_size=1", "training.accumulate_batches=4"));
  assert_same_numbers(&whole, &parts, "checkpoints/last.state.safetensors");
  assert_same_numbers(&whole, &singles, "checkpoints/last.state.safetensors");
  double a[1000], b[1000];
  int count = journal(&whole, "step", "loss", a);
  assert_int_equal(count, 8);
  assert_int_equal(journal(&singles, "step", "loss", b), count);
  assert_memory_equal(a, b, (size_t)count * sizeof *a);
}

/* 16 samples in batches of 2, 3 batches to a step: the last step of an epoch has 2. */
static void the_last_step_may_be_shorter(void **state) {
  (void)state;
  outcome run = trained(TRAIN("shorter", "training.accumulate_batches=3"));
  double steps[1000];
  assert_int_equal(journal(&run, "step", "step", steps), 6);
}

static void clipping_limits_the_update(void **state) {
  (void)state;
  double free_norms[1000], norms[1000], clipped[1000];
  outcome run = trained(TRAIN("free", "training.max_steps=4"));
  int count = journal(&run, "step", "grad_norm", free_norms);
  assert_int_equal(count, 4);
  run = trained(TRAIN("clipped", "training.clip_norm=0.0001"));
  assert_int_equal(journal(&run, "step", "grad_norm", norms), 16);
  assert_true(norms[0] == free_norms[0]); /* logged before clipping */
  assert_true(norms[1] != free_norms[1]); /* other weights since */
  assert_int_equal(journal(&run, "epoch", "clipped_steps", clipped), 2);
  assert_true(clipped[0] == 8 && clipped[1] == 8);
  run = trained(TRAIN("by_value", "training.clip_value=0.0001"));
  assert_int_equal(journal(&run, "epoch", "clipped_steps", clipped), 2);
  assert_true(clipped[0] == 8);
  run = trained(TRAIN("wide", "training.clip_norm=1000000", "training.max_steps=4"));
  journal(&run, "step", "grad_norm", norms);
  assert_memory_equal(norms, free_norms, 4 * sizeof *norms); /* nothing to clip, nothing changed */
}

static void step_schedule_lowers_the_rate(void **state) {
  (void)state;
  double rates[1000];
  outcome run = trained(TRAIN("stepwise", "training.n_epochs=5", "training.lr_schedule=step",
                              "training.lr_step_epochs=2", "training.lr_factor=0.5"));
  assert_int_equal(journal(&run, "epoch", "learning_rate", rates), 5);
  const double expected[5] = {1e-3, 1e-3, 5e-4, 5e-4, 2.5e-4};
  for (int i = 0; i < 5; ++i) assert_true(fabs(rates[i] / expected[i] - 1) < 1e-12);
}

/* ---- epochs ---- */

static void overfitting_a_batch_brings_its_loss_down(void **state) {
  (void)state;
  double train_loss[1000], val_loss[1000];
  outcome run = trained(TRAIN("overfit", "training.overfit_batches=1", "training.n_epochs=150",
                              "model.dropout=0", "training.learning_rate=0.01",
                              "training.lr_schedule=constant", "training.keep_epochs=1"));
  assert_int_equal(journal(&run, "epoch", "train_loss", train_loss), 150);
  assert_int_equal(journal(&run, "epoch", "val_loss", val_loss), 150);
  assert_true(train_loss[149] < 0.3 * train_loss[0]);
  assert_true(fabs(val_loss[148] - train_loss[149]) < 1e-6); /* the same samples, without dropout */
}

static void early_stopping_waits_for_patience(void **state) {
  (void)state;
  double epochs[1000];
  /* An improvement of 1000 never comes: the first epoch is the best, two more are waited for. */
  outcome run = trained(TRAIN("early", "training.n_epochs=30", "training.early_stop_patience=2",
                              "training.early_stop_min_delta=1000"));
  assert_int_equal(journal(&run, "epoch", "epoch", epochs), 3);
  outcome again =
      trained(train("early", run.dir,
                    (const char *const[]){"training.n_epochs=30", "training.early_stop_patience=2",
                                          "training.early_stop_min_delta=1000", NULL}));
  assert_int_equal(journal(&again, "epoch", "epoch", epochs), 3); /* stays stopped */
}

static int epochs_kept(const outcome *run, int n_epochs, const char *ending) {
  int count = 0;
  for (int epoch = 0; epoch < n_epochs; ++epoch) {
    char name[96];
    snprintf(name, sizeof name, "checkpoints/epoch=%03d.%s", epoch, ending);
    count += has(run, name);
  }
  return count;
}

static void the_best_epochs_are_kept(void **state) {
  (void)state;
  double losses[1000];
  outcome run = trained(TRAIN("best", "training.n_epochs=6", "training.save_top_k=2"));
  assert_int_equal(journal(&run, "epoch", "val_loss_fct", losses), 6);
  int best = 0, second = -1;
  for (int i = 1; i < 6; ++i)
    if (losses[i] < losses[best]) best = i;
  for (int i = 0; i < 6; ++i)
    if (i != best && (second < 0 || losses[i] < losses[second])) second = i;
  char name[96];
  snprintf(name, sizeof name, "checkpoints/epoch=%03d.safetensors", best);
  assert_true(has(&run, name));
  snprintf(name, sizeof name, "checkpoints/epoch=%03d.state.safetensors", second);
  assert_true(has(&run, name));
  assert_int_equal(epochs_kept(&run, 6, "safetensors"), 2);
  assert_int_equal(epochs_kept(&run, 6, "state.safetensors"), 2);
  run =
      trained(TRAIN("newest", "training.n_epochs=6", "training.keep_epochs=3", "training.save_states=false"));
  assert_int_equal(epochs_kept(&run, 6, "safetensors"), 3);
  assert_int_equal(epochs_kept(&run, 6, "state.safetensors"), 0);
  assert_true(has(&run, "checkpoints/epoch=005.safetensors") &&
              has(&run, "checkpoints/last.state.safetensors"));
}

/* From any checkpoint, back to the same bytes; the journal is as if nothing had happened. */
static void every_checkpoint_resumes_exactly(void **state) {
  (void)state;
  const char *const settings[] = {
      "training.n_epochs=4",   "training.accumulate_batches=3", "training.early_stop_patience=3",
      "training.save_top_k=2", "training.keep_epochs=4",        NULL};
  outcome straight = trained(train("straight", NULL, settings));
  static const char *const names[] = {"checkpoints/epoch=000.state.safetensors",
                                      "checkpoints/epoch=002.state.safetensors",
                                      "checkpoints/best.state.safetensors"};
  for (int i = 0; i < 3; ++i) {
    outcome run = trained(train("again", NULL, settings));
    char from[2 * TR_PATH_BYTES];
    snprintf(from, sizeof from, "%s/%s", run.dir, names[i]);
    outcome resumed = trained(train("again", from, settings));
    assert_same_numbers(&straight, &resumed, "checkpoints/last.state.safetensors");
    assert_same_numbers(&straight, &resumed, "checkpoints/best.safetensors");
    double a[1000], b[1000];
    int count = journal(&straight, "step", "loss", a);
    assert_int_equal(journal(&resumed, "step", "loss", b), count);
    assert_memory_equal(a, b, (size_t)count * sizeof *a);
    count = journal(&straight, "epoch", "val_loss", a);
    assert_int_equal(journal(&resumed, "epoch", "val_loss", b), count);
    assert_memory_equal(a, b, (size_t)count * sizeof *a);
  }
}

static void another_batch_size_cannot_resume(void **state) {
  (void)state;
  outcome run = trained(TRAIN("other", "training.max_steps=6"));
  outcome resumed = train("other", run.dir, (const char *const[]){"training.batch_size=8", NULL});
  assert_int_equal(resumed.status, M4_USAGE);
  assert_non_null(strstr(resumed.error.what, "batch"));
  char state_file[2 * TR_PATH_BYTES];
  snprintf(state_file, sizeof state_file, "%s/checkpoints/none.state.safetensors", run.dir);
  resumed = train("other", state_file, (const char *const[]){NULL});
  assert_int_equal(resumed.status, M4_IO);
}

/* ---- values that are not finite ---- */

/* Weights that are finite themselves and overflow in the head. */
static void write_exploding_weights(const char *path, bool fluid) {
  m4_widths widths = m4_default_widths();
  m4_model *model;
  widths.hidden = widths.head_hidden = widths.aux_hidden = 8;
  widths.gcn_hidden = 12;
  widths.n_fluid = fluid ? M4_N_FLUID : 0;
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_model_init(model, 1);
  const ag_param *weight = model->fct_head.weight2;
  for (int32_t i = 0; i < weight->rows; ++i) ((float *)weight->data)[i] = 3e38f;
  weight = model->fct_head.weight1;
  for (int64_t i = 0; i < (int64_t)weight->rows * weight->cols; ++i) ((float *)weight->data)[i] = 1e5f;
  assert_int_equal(m4_weights_save(model, path, NULL, true, NULL), M4_OK);
  m4_model_free(model);
}

/* settings: three of them. */
static void check_replay(const char *note, bool fluid, const char *const *settings) {
  char path[96], from[160];
  snprintf(path, sizeof path, "%s/%s.safetensors", work, note);
  snprintf(from, sizeof from, "training.init_from=%s", path);
  write_exploding_weights(path, fluid);
  outcome run = TRAIN(note, from, settings[0], settings[1], settings[2]);
  assert_int_equal(run.status, M4_NUMERIC);
  assert_non_null(strstr(run.error.where, "busy period"));
  assert_non_null(strstr(run.error.where, "scenario"));
  assert_non_null(strstr(run.error.what, "step 1: op linear"));
  const char *dir = strstr(run.error.hint, "--replay ");
  assert_non_null(dir);
  dir += strlen("--replay ");
  char story[512];
  m4_error error = {0};
  assert_int_equal(tr_replay(dir, ag_cpu_backend(AG_F32), NULL, story, sizeof story, &error), M4_NUMERIC);
  assert_non_null(strstr(error.what, "op linear"));
  assert_non_null(strstr(run.error.what, error.what)); /* the same op, the same value */
  assert_non_null(strstr(story, "step 1"));
  /* With the weights of a new model nothing fails, and the losses are those of the first step. */
  char weights[2 * TR_PATH_BYTES], command[5 * TR_PATH_BYTES], fresh[96];
  snprintf(weights, sizeof weights, "%s/weights.safetensors", dir);
  snprintf(fresh, sizeof fresh, "%s-fresh", note);
  outcome fine = trained(TRAIN(fresh, "training.max_steps=1", settings[0], settings[1], settings[2]));
  snprintf(command, sizeof command, "cp %s/checkpoints/init.safetensors %s", fine.dir, weights);
  assert_int_equal(system(command), 0);
  m4_losses losses;
  if (tr_replay(dir, ag_cpu_backend(AG_F32), &losses, story, sizeof story, &error) != M4_OK)
    fail_msg("%s", error.what);
  double logged[1000];
  assert_int_equal(journal(&fine, "step", "loss", logged), 1);
  assert_true(losses.total == logged[0]);
}

static void a_failing_sample_is_named_and_can_be_replayed(void **state) {
  (void)state;
  check_replay(
      "exploding", false,
      (const char *const[]){"training.batch_size=1", "training.enable_val=false", "training.loss_fct=log"});
  check_replay(
      "short", false,
      (const char *const[]){"training.batch_size=1", "training.enable_val=false", "dataset.max_events=5"});
  check_replay(
      "fluid", true,
      (const char *const[]){"training.batch_size=1", "training.enable_val=false", "model.fluid=true"});
  check_replay("every", false,
               (const char *const[]){"training.batch_size=1", "training.enable_val=false",
                                     "training.weight_every=0.5"});
  check_replay(
      "scaled", false,
      (const char *const[]){"training.batch_size=1", "training.enable_val=false", "model.inputs=scaled"});
}

/* Every sample fails: as many as allowed are left out and counted, and nothing is learnt from them. */
static void failing_samples_can_be_left_out(void **state) {
  (void)state;
  char path[96], from[160];
  double skipped[1000];
  snprintf(path, sizeof path, "%s/skipping.safetensors", work);
  snprintf(from, sizeof from, "training.init_from=%s", path);
  write_exploding_weights(path, false);
  outcome run = TRAIN("skipping", from, "training.enable_val=false", "training.batch_size=1",
                      "training.max_skipped_samples=3");
  assert_int_equal(run.status, M4_NUMERIC);
  assert_non_null(strstr(run.error.what, "step 4"));
  run = trained(TRAIN("skipping", from, "training.enable_val=false", "training.max_skipped_samples=1000"));
  assert_int_equal(journal(&run, "epoch", "skipped_samples", skipped), 2);
  assert_true(skipped[0] == 16 && skipped[1] == 32);
  char command[5 * TR_PATH_BYTES];
  outcome start = run;
  snprintf(start.dir, sizeof start.dir, "%s/start", work);
  snprintf(command, sizeof command, "mkdir %s && cp %s/checkpoints/init.safetensors %s/last.safetensors",
           start.dir, run.dir, start.dir);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "cp %s/checkpoints/last.safetensors %s/last.safetensors", run.dir,
           run.dir);
  assert_int_equal(system(command), 0);
  assert_same_numbers(&run, &start, "last.safetensors");
}

static void damaged_replays_are_refused(void **state) {
  (void)state;
  char story[512], path[96], copy[96];
  m4_error error = {0};
  snprintf(path, sizeof path, "%s/nowhere", work);
  assert_int_equal(tr_replay(path, ag_cpu_backend(AG_F32), NULL, story, sizeof story, &error), M4_IO);
  /* The failure of the test before, cut and with foreign contents. */
  char command[512];
  snprintf(copy, sizeof copy, "%s/damaged", work);
  snprintf(command, sizeof command, "rm -rf %s && cp -r %s/exploding/version_0/failures/step=1* %s", copy,
           work, copy);
  assert_int_equal(system(command), 0);
  snprintf(command, sizeof command, "cp %s/weights.safetensors %s/sample.safetensors", copy, copy);
  assert_int_equal(system(command), 0);
  assert_int_equal(tr_replay(copy, ag_cpu_backend(AG_F32), NULL, story, sizeof story, &error), M4_DATA);
  assert_non_null(strstr(error.what, "not a saved sample"));
  snprintf(command, sizeof command, "head -c 500 %s/weights.safetensors >%s/sample.safetensors", copy, copy);
  assert_int_equal(system(command), 0);
  assert_int_equal(tr_replay(copy, ag_cpu_backend(AG_F32), NULL, story, sizeof story, &error), M4_DATA);
}

static int clean_up(void **state) {
  (void)state;
  char command[96];
  snprintf(command, sizeof command, "rm -rf %s", work);
  return system(command);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: test_training DATASET\n");
    return 2;
  }
  dataset = argv[1];
  snprintf(work, sizeof work, "training.XXXXXX");
  if (!mkdtemp(work)) return 2;
  const struct CMUnitTest tests[] = {cmocka_unit_test(accumulated_batches_equal_a_larger_batch),
                                     cmocka_unit_test(the_last_step_may_be_shorter),
                                     cmocka_unit_test(clipping_limits_the_update),
                                     cmocka_unit_test(step_schedule_lowers_the_rate),
                                     cmocka_unit_test(overfitting_a_batch_brings_its_loss_down),
                                     cmocka_unit_test(early_stopping_waits_for_patience),
                                     cmocka_unit_test(the_best_epochs_are_kept),
                                     cmocka_unit_test(every_checkpoint_resumes_exactly),
                                     cmocka_unit_test(another_batch_size_cannot_resume),
                                     cmocka_unit_test(a_failing_sample_is_named_and_can_be_replayed),
                                     cmocka_unit_test(failing_samples_can_be_left_out),
                                     cmocka_unit_test(damaged_replays_are_refused)};
  return cmocka_run_group_tests(tests, NULL, clean_up);
}
