/* What lies in a campaign's folder, and whether it may be continued. */
#include "datagen/campaign_folder.h"

#include "base/file.h"
#include "data/dataset.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_CONFIG_BYTES = 1 << 22 };
static const char CONFIG_NAME[] = "campaign.yaml", SHARD_PREFIX[] = "shard-";

static m4_status write_config(const dg_campaign *campaign, const char *path, const char *first_line,
                              m4_error *err) {
  m4_outfile file = {0};
  M4_TRY(m4_outfile_open(&file, path, err));
  fprintf(file.stream, "%s# A folder with this file is continued only by the same campaign.\n%s", first_line,
          campaign->identity);
  return m4_outfile_commit(&file, err);
}

static m4_status check_config(const char *path, const char *first_line, m4_error *err) {
  char *text;
  size_t length;
  M4_TRY(m4_file_read(path, MAX_CONFIG_BYTES, &text, &length, err));
  bool same = strncmp(text, first_line, strlen(first_line)) == 0;
  free(text);
  if (same) return M4_OK;
  m4_fail(err, M4_USAGE, path,
          "this folder holds another campaign: configuration, input files or version differ");
  return m4_hint(err, M4_USAGE, "choose another output folder, or use the configuration in that file");
}

static bool is_left_over(const char *name) {
  return strstr(name, ".tmp.") && (strncmp(name, SHARD_PREFIX, strlen(SHARD_PREFIX)) == 0 ||
                                   strncmp(name, CONFIG_NAME, strlen(CONFIG_NAME)) == 0);
}

static bool is_shard(const char *name) {
  size_t length = strlen(name);
  return strncmp(name, SHARD_PREFIX, strlen(SHARD_PREFIX)) == 0 && length > 3 &&
         strcmp(name + length - 3, ".h5") == 0;
}

/* Removes temporary files of killed runs; tells whether there are shards. */
static m4_status scan_folder(const char *dir, bool *has_shards, m4_error *err) {
  *has_shards = false;
  DIR *folder = opendir(dir);
  if (!folder) return m4_fail(err, M4_IO, dir, "cannot list the folder");
  m4_status status = M4_OK;
  for (struct dirent *entry = readdir(folder); entry && status == M4_OK; entry = readdir(folder)) {
    char path[DG_PATH_BYTES];
    if (is_shard(entry->d_name)) *has_shards = true;
    if (!is_left_over(entry->d_name)) continue;
    status = m4_path_join(path, sizeof path, dir, entry->d_name, err);
    if (status == M4_OK && unlink(path) != 0)
      status = m4_fail(err, M4_IO, path, "cannot remove a left-over file");
  }
  closedir(folder);
  return status;
}

m4_status dg_folder_prepare(const dg_campaign *campaign, m4_error *err) {
  const char *dir = campaign->config->output;
  char path[DG_PATH_BYTES], first_line[64];
  bool has_shards;
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, CONFIG_NAME, err));
  snprintf(first_line, sizeof first_line, "# m4-datagen fingerprint %016" PRIx64 "\n", campaign->fingerprint);
  bool has_config = m4_file_exists(path);
  if (has_config) M4_TRY(check_config(path, first_line, err));
  M4_TRY(scan_folder(dir, &has_shards, err));
  if (has_config) return M4_OK;
  if (has_shards)
    return m4_fail(err, M4_USAGE, dir, "the folder has shards, but no %s that says whose", CONFIG_NAME);
  return write_config(campaign, path, first_line, err);
}

m4_status dg_ns3_path(char path[DG_PATH_BYTES], const dg_campaign_config *config, const char *name,
                      m4_error *err) {
  char parent[DG_PATH_BYTES];
  if (config->ns3_output[0]) return m4_path_join(path, DG_PATH_BYTES, config->ns3_output, name, err);
  M4_TRY(m4_path_join(parent, sizeof parent, config->output, "ns3", err));
  return m4_path_join(path, DG_PATH_BYTES, parent, name, err);
}

m4_status dg_shard_path(char path[DG_PATH_BYTES], const dg_campaign *campaign, int64_t shard, m4_error *err) {
  char name[48];
  snprintf(name, sizeof name, "%s%05lld.h5", SHARD_PREFIX, (long long)shard);
  return m4_path_join(path, DG_PATH_BYTES, campaign->config->output, name, err);
}

int64_t dg_shard_scenarios(const dg_campaign_config *config, int64_t shard) {
  int64_t left = config->n_scenarios - shard * config->scenarios_per_shard;
  return left < config->scenarios_per_shard ? left : config->scenarios_per_shard;
}

m4_status dg_shard_check(bool *complete, const dg_campaign *campaign, int64_t shard, m4_error *err) {
  char path[DG_PATH_BYTES];
  M4_TRY(dg_shard_path(path, campaign, shard, err));
  *complete = access(path, F_OK) == 0;
  if (!*complete) return M4_OK;
  ds_dataset *dataset = NULL;
  m4_status status = ds_open(&dataset, path, err);
  int64_t expected = dg_shard_scenarios(campaign->config, shard);
  if (status == M4_OK && ds_n_scenarios(dataset) != expected)
    status = m4_fail(err, M4_DATA, path, "%d scenarios, expected %lld", ds_n_scenarios(dataset),
                     (long long)expected);
  ds_close(dataset);
  return status == M4_OK ? M4_OK : m4_hint(err, status, "remove this file and run again to make it anew");
}
