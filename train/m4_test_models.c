/* Which checkpoints are tested, what tables call them, where their results go. */
#include "base/file.h"
#include "train/m4_test.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 4 };
static const char SUFFIX[] = ".safetensors";

/* The last `depth` parts of the path without suffix and without checkpoints/: "version_0/best". */
static void make_label(test_model *model, int depth) {
  char label[TEST_LABEL_BYTES] = "", rest[TEST_PATH_BYTES], part[TEST_LABEL_BYTES],
       joined[2 * TEST_LABEL_BYTES + 2];
  snprintf(rest, sizeof rest, "%s", model->checkpoint);
  size_t length = strlen(rest), suffix = sizeof SUFFIX - 1;
  if (length > suffix && strcmp(rest + length - suffix, SUFFIX) == 0) rest[length - suffix] = '\0';
  for (int taken = 0; taken < depth && rest[0];) {
    m4_path_last(part, sizeof part, rest);
    char *slash = strrchr(rest, '/');
    *(slash ? slash : rest) = '\0';
    if (strcmp(part, "checkpoints") == 0 || part[0] == '\0') continue;
    snprintf(joined, sizeof joined, "%s%s%s", part, label[0] ? "/" : "", label);
    snprintf(label, sizeof label, "%.*s", (int)sizeof label - 1, joined);
    ++taken;
  }
  snprintf(model->label, sizeof model->label, "%s", label);
  for (char *c = model->label; *c; ++c)
    if (*c == '"' || (unsigned char)*c < ' ') *c = '_';
}

static bool is_unique(const test_model *models, int n, int which) {
  for (int i = 0; i < n; ++i)
    if (i != which && strcmp(models[i].label, models[which].label) == 0) return false;
  return true;
}

static void make_labels(test_model *models, int n) {
  bool unique = false;
  for (int depth = 1; depth <= MAX_DEPTH && !unique; ++depth) {
    for (int i = 0; i < n; ++i) make_label(&models[i], depth);
    unique = true;
    for (int i = 0; i < n; ++i) unique &= is_unique(models, n, i);
  }
  for (int i = 0; i < n && !unique; ++i) snprintf(models[i].label, sizeof models[i].label, "%d", i + 1);
}

static m4_status name_folder(test_model *model, const char *out, bool alone, m4_error *err) {
  char name[TEST_LABEL_BYTES];
  if (alone) {
    if (snprintf(model->folder, sizeof model->folder, "%s", out) < (int)sizeof model->folder) return M4_OK;
    return m4_fail(err, M4_USAGE, "--out", "folder name is too long");
  }
  snprintf(name, sizeof name, "%s", model->label);
  for (char *slash = name; (slash = strchr(slash, '/'));) *slash = '-';
  return m4_path_join(model->folder, sizeof model->folder, out, name, err);
}

m4_status test_models_make(test_model **models, int *n_models, const m4_text_list *checkpoints,
                           const char *run, const char *out, m4_error *err) {
  if (checkpoints->count == 0 && !run)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--checkpoint", "no weights given"),
                   "--checkpoint FILE or --run DIR");
  int n = checkpoints->count > 0 ? (int)checkpoints->count : 1;
  *models = calloc((size_t)n, sizeof **models);
  if (!*models) return m4_fail(err, M4_MEMORY, NULL, "no memory for %d checkpoints", n);
  *n_models = n;
  if (checkpoints->count == 0)
    M4_TRY(m4_path_join((*models)[0].checkpoint, TEST_PATH_BYTES, run, "checkpoints/best.safetensors", err));
  for (size_t i = 0; i < checkpoints->count; ++i)
    if (snprintf((*models)[i].checkpoint, TEST_PATH_BYTES, "%s", checkpoints->items[i]) >= TEST_PATH_BYTES)
      return m4_fail(err, M4_USAGE, "--checkpoint", "file name is too long");
  make_labels(*models, n);
  for (int i = 0; i < n; ++i) M4_TRY(name_folder(&(*models)[i], out ? out : "", n == 1, err));
  return M4_OK;
}
