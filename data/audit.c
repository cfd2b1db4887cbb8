/* An audit of a whole dataset: folder by folder, in each the files one after the other, then what they must
 * have in common. */
#include "data/audit_parts.h"

#include "base/file.h"
#include "data/shard_list.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *left, const void *right) {
  const ds_shard_name *a = left, *b = right;
  int order = strcmp(a->scenario, b->scenario);
  return order ? order : strcmp(a->path, b->path);
}

static void audit_names(ds_auditor *a) {
  if (a->n_names > 0) qsort(a->names, (size_t)a->n_names, sizeof *a->names, compare_names);
  for (int64_t i = 1; i < a->n_names; ++i) {
    if (strcmp(a->names[i].scenario, a->names[i - 1].scenario) != 0) continue;
    ds_findings placed = {ds_tell_with_place, a, NULL, 0};
    a->path = a->names[i].path;
    ds_found(&placed, "scenario/name", "\"%s\" is also the name of a scenario in %s", a->names[i].scenario,
             a->names[i - 1].path);
  }
  a->path = NULL;
}

/* Length of the folder's part of a path, without the slash. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? (size_t)(slash - path) : 0;
}

static bool in_same_folder(const char *a, const char *b) {
  size_t length = folder_length(a);
  return length == folder_length(b) && strncmp(a, b, length) == 0;
}

static bool is_present(const ds_shard_list *list, const char *path_inside, const char *name) {
  for (int32_t i = 0; i < list->count; ++i) {
    const char *path = list->paths[i];
    size_t length = folder_length(path);
    if (in_same_folder(path, path_inside) && strcmp(path + length + (path[length] == '/'), name) == 0)
      return true;
  }
  return false;
}

/* The first missing shard is told, and how many are there of how many. */
static void audit_missing(ds_auditor *a, const char *folder, const ds_shard_list *list, int32_t first,
                          int32_t n_present) {
  const ds_campaign *campaign = a->campaign;
  if (!campaign->config || campaign->n_per_shard < 1 || campaign->n_scenarios < 1) return;
  int64_t n_shards = (campaign->n_scenarios - 1) / campaign->n_per_shard + 1;
  ds_findings placed = {ds_tell_with_place, a, NULL, 0};
  for (int64_t shard = 0; shard < n_shards && shard <= n_present; ++shard) {
    char name[48];
    snprintf(name, sizeof name, "shard-%05lld.h5", (long long)shard);
    if (is_present(list, list->paths[first], name)) continue;
    ds_found(&placed, folder, "%d shards, the campaign has %lld; the first that is missing is %s", n_present,
             (long long)n_shards, name);
    return;
  }
}

static void free_auditor(ds_auditor *a) {
  for (int64_t i = 0; i < a->n_names; ++i) free(a->names[i].scenario);
  free(a->names);
  free(a->config);
  free(a->generator);
}

/* ---- folders ---- */

typedef struct walk {
  const ds_shard_list *list;
  ds_findings *findings;
  ds_audit_report *report;
  m4_progress *progress;
  int32_t n_done;
} walk;

/* All shards in the folder of shard `first`. */
static m4_status audit_files(walk *w, ds_auditor *a, int32_t first, const char *folder, m4_error *err) {
  m4_status status = M4_OK;
  int32_t n_present = 0;
  for (int32_t i = first; i < w->list->count && status == M4_OK; ++i) {
    if (!in_same_folder(w->list->paths[i], w->list->paths[first])) continue;
    a->path = w->list->paths[i];
    status = ds_audit_shard(a, err);
    ++n_present;
    m4_progress_update(w->progress, (uint64_t)++w->n_done, NULL);
  }
  a->path = NULL;
  if (status != M4_OK) return status;
  audit_names(a);
  audit_missing(a, folder, w->list, first, n_present);
  return M4_OK;
}

static m4_status audit_folder(walk *w, int32_t first, m4_error *err) {
  char folder[4096];
  bool found = false;
  ds_campaign campaign = {NULL, -1, -1, -1};
  ds_auditor a = {.findings = w->findings, .campaign = &campaign, .report = w->report};
  ds_findings plain = {ds_tell_with_place, &a, NULL, 0};
  const char *path = w->list->paths[first];
  size_t length = folder_length(path);
  if (length >= sizeof folder) return m4_fail(err, M4_USAGE, path, "path is too long");
  snprintf(folder, sizeof folder, "%.*s", (int)length, path);
  m4_status status = M4_OK;
  if (w->list->is_folder) status = ds_campaign_read(&campaign, &found, folder, &plain, err);
  w->report->has_campaign |= found;
  if (status == M4_OK) status = audit_files(w, &a, first, folder, err);
  free_auditor(&a);
  ds_campaign_free(&campaign);
  return status;
}

static bool is_first_of_folder(const ds_shard_list *list, int32_t shard) {
  for (int32_t i = 0; i < shard; ++i)
    if (in_same_folder(list->paths[i], list->paths[shard])) return false;
  return true;
}

m4_status ds_audit(const char *path, ds_findings *findings, m4_log *log, ds_audit_report *report,
                   m4_error *err) {
  ds_shard_list list;
  *report = (ds_audit_report){0};
  M4_TRY(ds_shard_list_make(&list, path, err));
  walk w = {.list = &list, .findings = findings, .report = report};
  m4_status status = m4_progress_create(&w.progress, log, "check", "shards", (uint64_t)list.count, err);
  for (int32_t i = 0; i < list.count && status == M4_OK; ++i)
    if (is_first_of_folder(&list, i)) status = audit_folder(&w, i, err);
  m4_progress_free(w.progress);
  report->n_findings = findings->count;
  ds_shard_list_free(&list);
  return status;
}
