/* Weights to PyTorch's form and back; pickles and archives that nobody vouches for. */
#include "nn/safetensors.h"
#include "nn/weights.h"
#include "tests/nn/small_model.h"
#include "train/convert/convert.h"
#include "train/convert/torch_names.h"

/* A small model in all three places. */
static char ours[4096], torch[4096], back[4096];

static int make_files(void **state) {
  if (scratch_setup(state) != 0) return -1;
  snprintf(ours, sizeof ours, "%s", scratch_path(state, "ours.safetensors"));
  snprintf(torch, sizeof torch, "%s", scratch_path(state, "torch.pt"));
  snprintf(back, sizeof back, "%s", scratch_path(state, "back.safetensors"));
  m4_model *model = model_of(small_widths(), AG_F32, 7);
  m4_status status = m4_weights_save(model, ours, NULL, true, NULL);
  m4_model_free(model);
  return status == M4_OK && tr_convert(ours, torch, NULL) == M4_OK ? 0 : -1;
}

static void there_and_back_is_the_same(void **state) {
  (void)state;
  m4_model *before = NULL, *after = NULL;
  assert_int_equal(tr_convert(torch, back, NULL), M4_OK);
  assert_int_equal(m4_weights_load(&before, ag_cpu_backend(AG_F32), ours, NULL, NULL), M4_OK);
  assert_int_equal(m4_weights_load(&after, ag_cpu_backend(AG_F32), back, NULL, NULL), M4_OK);
  assert_int_equal(before->n_params, after->n_params);
  assert_same_weights(before, after);
  m4_model_free(before);
  m4_model_free(after);
}

/* Names behind "model."; the head's first matrix is stored transposed (tests/pytorch/make_lightning.py). */
static void lightning_checkpoint_is_read(void **state) {
  (void)state;
  m4_model *model = NULL;
  m4_error error = {0};
  if (tr_convert(M4_TEST_DATA "/convert/lightning.ckpt", back, &error) != M4_OK) fail_msg("%s", error.what);
  assert_int_equal(m4_weights_load(&model, ag_cpu_backend(AG_F32), back, NULL, NULL), M4_OK);
  assert_int_equal(model->widths.hidden, 4);
  const float *weight = model->fct_head.weight1->data, *bias = model->fct_head.bias2->data;
  assert_int_equal(model->fct_head.weight1->cols, 4);
  assert_true(weight[3 * 4 + 2] == 1.5f); /* output 2, input 3 */
  assert_true(bias[0] == 0.625f);
  m4_model_free(model);
}

/* Every number says where it belongs (tests/pytorch/make_torchscript.py): element i of the k-th tensor in
 * order of names is (64 k + i % 61) / 32. */
static int by_name(const void *a, const void *b) {
  return strcmp(((const nn_tensor *)a)->name, ((const nn_tensor *)b)->name);
}

static void torchscript_folder_is_read(void **state) {
  (void)state;
  m4_error error = {0};
  nn_safetensors content;
  if (tr_convert(M4_TEST_DATA "/convert/torchscript", back, &error) != M4_OK) fail_msg("%s", error.what);
  assert_int_equal(nn_safetensors_read(&content, back, &error), M4_OK);
  assert_int_equal(content.n_tensors, 4 * 4 + 4 + 3 * 7);
  assert_non_null(nn_safetensors_find(&content, "gcn_layers.2.homogeneous_layer.conv.lin_r.weight"));
  qsort(content.tensors, (size_t)content.n_tensors, sizeof *content.tensors, by_name);
  for (int32_t k = 0; k < content.n_tensors; ++k)
    for (int64_t i = 0; i < content.tensors[k].count; ++i) {
      float value;
      memcpy(&value, (const char *)content.tensors[k].bytes + sizeof value * (size_t)i, sizeof value);
      assert_true(value == (float)(64 * k + i % 61) / 32);
    }
  nn_safetensors_free(&content);
}

static void incomplete_torchscript_folders_are_refused(void **state) {
  m4_error error = {0};
  char folder[4096], command[5 * 4096];
  snprintf(folder, sizeof folder, "%s", scratch_path(state, "folder"));
  snprintf(command, sizeof command,
           "cp -r " M4_TEST_DATA "/convert/torchscript %s && chmod -R u+w %s && rm %s/lstmcell_time.pt",
           folder, folder, folder);
  assert_int_equal(system(command), 0);
  assert_int_equal(tr_convert(folder, back, &error), M4_IO);
  assert_non_null(strstr(error.where, "lstmcell_time.pt"));
  /* The time GRU of links in place of that of flows fits; a GNN layer in place of a GRU does not. */
  snprintf(command, sizeof command, "cp %s/gnn_layer_0.pt %s/lstmcell_time.pt", folder, folder);
  assert_int_equal(system(command), 0);
  assert_int_equal(tr_convert(folder, back, &error), M4_DATA);
  assert_true(error.what[0] != '\0');
}

/* Archives that are not what PyTorch writes. */
static void hostile_archives_are_refused(void **state) {
  char path[4096], command[5 * 4096];
  m4_error error = {0};
  snprintf(path, sizeof path, "%s", scratch_path(state, "hostile.pt"));
  snprintf(command, sizeof command,
           "python3 - %s <<'END' 2>/dev/null\n"
           "import sys, zipfile\n"
           "with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:\n"
           "    z.writestr('a/data.pkl', bytes(1 << 26))\n"
           "END",
           path);
  if (system(command) != 0) skip(); /* no python: a packed bomb cannot be made */
  assert_int_equal(tr_convert(path, back, &error), M4_DATA);
  assert_non_null(strstr(error.what, "compressed"));
  write_bytes(path, "PK\003\004", 4);
  assert_int_equal(tr_convert(path, back, &error), M4_DATA);
  snprintf(command, sizeof command,
           "python3 - %s <<'END' 2>/dev/null\n"
           "import sys, zipfile\n"
           "with zipfile.ZipFile(sys.argv[1], 'w') as z:\n"
           "    z.writestr('a/data.pkl', b'\\x80\\x02cos\\nsystem\\nX\\x02\\0\\0\\0ls\\x85R.')\n"
           "END",
           path);
  assert_int_equal(system(command), 0);
  assert_int_equal(tr_convert(path, back, &error), M4_DATA);
  assert_non_null(strstr(error.what, "os system"));
}

/* They are not zip archives; the message is about them, not about the name to write. */
static void files_that_are_not_pytorchs_are_refused(void **state) {
  char path[4096];
  m4_error error = {0};
  snprintf(path, sizeof path, "%s", scratch_path(state, "old.pt"));
  assert_int_equal(tr_convert(path, back, &error), M4_IO);
  write_bytes(path, "", 0);
  assert_int_equal(tr_convert(path, back, &error), M4_DATA);
  write_bytes(path, "\x80\x02N.", 4);
  assert_int_equal(tr_convert(path, back, &error), M4_DATA);
  assert_non_null(strstr(error.where, "old.pt"));
}

static void wrong_endings_are_usage_errors(void **state) {
  (void)state;
  assert_int_equal(tr_convert(ours, back, NULL), M4_USAGE);
  assert_int_equal(tr_convert(torch, "x.pt", NULL), M4_USAGE);
  assert_int_equal(tr_convert(ours, "x.onnx", NULL), M4_USAGE);
}

static m4_status read_pickle(const char *bytes, size_t length, m4_error *err) {
  m4_arena arena = {0};
  const ds_pickle_value *value = NULL;
  assert_int_equal(m4_arena_init(&arena, 16 << 20, err), M4_OK);
  m4_status status =
      ds_pickle_read(&value, &arena, (const unsigned char *)bytes, length, &tr_torch_rules, err);
  m4_arena_free(&arena);
  return status;
}

/* What the pickle ends with, "." included, after the header of protocol 2. */
static void assert_refused(const char *bytes, size_t length, const char *reason) {
  m4_error error = {0};
  assert_int_equal(read_pickle(bytes, length, &error), M4_DATA);
  if (!strstr(error.what, reason)) fail_msg("\"%s\" does not say \"%s\"", error.what, reason);
}
#define REFUSED(text, reason) assert_refused(text, sizeof(text) - 1, reason)

static void hostile_pickles_are_refused(void **state) {
  (void)state;
  REFUSED("\x80\x02"
          "cposix\nsystem\nX\x02\0\0\0ls\x85R.",
          "posix system");
  REFUSED("\x80\x02"
          "c__builtin__\neval\n.",
          "__builtin__ eval");
  REFUSED("\x80\x04N.", "protocol 4");
  REFUSED("\x80\x02i__main__\nx\n.", "opcode 0x69");
  REFUSED("\x80\x02X\xff\xff\xff\xff"
          "abc.",
          "longer than the file");
  REFUSED("\x80\x02r\xff\xff\xff\x7f.", "too few");
  REFUSED("\x80\x02Nr\xff\xff\xff\x7f.", "out of range");
  REFUSED("\x80\x02h\x05.", "never set");
  REFUSED("\x80\x02t.", "no mark");
  REFUSED("\x80\x02(R.", "too few");
  REFUSED("\x80\x02}(Nu.", "without a value");
  REFUSED("\x80\x02N", "without a stop");
  REFUSED("\x80\x02NN.", "other than one");
  char marks[8192];
  memset(marks, '(', sizeof marks);
  assert_refused(marks, sizeof marks, "too many marks");
}

/* Every outcome is allowed but a crash, and whatever is written must load again. */
static void damaged_files_never_crash(void **state) {
  const char *path = scratch_path(state, "damaged.pt");
  char damaged[4096];
  snprintf(damaged, sizeof damaged, "%s", path);
  FILE *file = fopen(torch, "rb");
  assert_non_null(file);
  static char original[1 << 16], bytes[1 << 16];
  size_t length = fread(original, 1, sizeof original, file);
  fclose(file);
  assert_true(length > 1000 && length < sizeof original);
  uint32_t random = 12345;
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    memcpy(bytes, original, length);
    size_t kept = length;
    random = random * 1664525u + 1013904223u;
    if (round % 3 == 0) kept = random % length;
    for (int flip = 0; round % 3 != 0 && flip < 1 + round % 4; ++flip) {
      random = random * 1664525u + 1013904223u;
      bytes[(random >> 8) % length] ^= (char)(1 << (random & 7));
    }
    write_bytes(damaged, bytes, kept);
    m4_error error = {0};
    m4_status status = tr_convert(damaged, back, &error);
    if (status != M4_OK) assert_true(error.what[0] != '\0');
    refused += status != M4_OK;
  }
  assert_true(refused > 300);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back_is_the_same),
                                     cmocka_unit_test(lightning_checkpoint_is_read),
                                     cmocka_unit_test(torchscript_folder_is_read),
                                     cmocka_unit_test(incomplete_torchscript_folders_are_refused),
                                     cmocka_unit_test(hostile_archives_are_refused),
                                     cmocka_unit_test(files_that_are_not_pytorchs_are_refused),
                                     cmocka_unit_test(wrong_endings_are_usage_errors),
                                     cmocka_unit_test(hostile_pickles_are_refused),
                                     cmocka_unit_test(damaged_files_never_crash)};
  return cmocka_run_group_tests(tests, make_files, scratch_teardown);
}
