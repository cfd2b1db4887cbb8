/* campaign.yaml beside the shards: which campaign, how many scenarios, how many per shard. */
#include "data/audit.h"

#include "base/file.h"
#include "base/text.h"
#include "base/yaml_tree.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG_BYTES = 1 << 22, N_COMMENT_LINES = 2 };
static const char NAME[] = "campaign.yaml", MARK[] = "# m4-datagen fingerprint ";

static const m4_yaml_node *find(const m4_yaml_node *root, const char *key) {
  if (root->kind != M4_YAML_MAP) return NULL;
  for (const m4_yaml_node *node = root->first; node; node = node->next)
    if (strcmp(node->key->text, key) == 0) return node;
  return NULL;
}

static m4_status read_count(const m4_yaml_node *root, const char *key, int64_t least, int64_t *value,
                            const char *path, ds_findings *findings) {
  const m4_yaml_node *node = find(root, key);
  bool ok = node && node->kind == M4_YAML_SCALAR && m4_parse_int(node->text, value) == M4_NUMBER_OK;
  if (ok && *value >= least) return M4_OK;
  *value = -1;
  return ds_found(findings, path, "has no usable \"%s\"", key);
}

static m4_status read_counts(ds_campaign *campaign, const char *path, ds_findings *findings, m4_error *err) {
  m4_arena arena;
  m4_yaml_node *root;
  m4_error reason = {0};
  m4_status status = m4_yaml_parse(path, campaign->config, strlen(campaign->config), &arena, &root, &reason);
  if (status == M4_OK) status = read_count(root, "scenarios", 1, &campaign->n_scenarios, path, findings);
  if (status == M4_OK)
    status = read_count(root, "scenarios_per_shard", 1, &campaign->n_per_shard, path, findings);
  if (status == M4_OK) status = read_count(root, "seed", 0, &campaign->seed, path, findings);
  m4_arena_free(&arena);
  if (status == M4_USAGE) return ds_found(findings, path, "is not YAML: %s", reason.what);
  return status == M4_MEMORY ? m4_fail(err, status, path, "no memory to read the configuration") : status;
}

/* Behind the comments stands exactly what the shards carry. */
static char *skip_comments(char *text) {
  for (int i = 0; i < N_COMMENT_LINES; ++i) {
    char *end = strchr(text, '\n');
    if (text[0] != '#' || !end) return text;
    text = end + 1;
  }
  return text;
}

static m4_status check_mark(const char *text, const char *path, ds_findings *findings) {
  size_t length = strlen(MARK);
  bool ok = strncmp(text, MARK, length) == 0 && strspn(text + length, "0123456789abcdef") == 16;
  return ok ? M4_OK : ds_found(findings, path, "does not begin with a fingerprint");
}

m4_status ds_campaign_read(ds_campaign *campaign, bool *found, const char *folder, ds_findings *findings,
                           m4_error *err) {
  char path[4096], *text;
  size_t length;
  *campaign = (ds_campaign){NULL, -1, -1, -1};
  *found = false;
  M4_TRY(m4_path_join(path, sizeof path, folder, NAME, err));
  if (!m4_file_exists(path)) return M4_OK;
  m4_status status = m4_file_read(path, MAX_CONFIG_BYTES, &text, &length, err);
  if (status == M4_DATA) return ds_found(findings, path, "%s", err->what);
  M4_TRY(status);
  *found = true;
  status = check_mark(text, path, findings);
  campaign->config = strdup(skip_comments(text));
  if (status == M4_OK && !campaign->config) status = m4_fail(err, M4_MEMORY, path, "no memory");
  if (status == M4_OK) status = read_counts(campaign, path, findings, err);
  free(text);
  return status;
}

void ds_campaign_free(ds_campaign *campaign) {
  free(campaign->config);
  *campaign = (ds_campaign){NULL, -1, -1, -1};
}
