/* Opening a campaign: matrices, size tables and the fingerprint of everything that decides its content. */
#include "datagen/campaign.h"

#include "base/file.h"
#include "base/text.h"
#include "datagen/campaign_inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_FILE_BYTES = 1 << 30, PATH_BYTES = 4096 };
static const char ATOMS[] = "atoms:", SYNTHETIC[] = "synthetic:";

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

m4_status dg_campaign_add_file(dg_campaign *campaign, const char *path, m4_error *err) {
  char *content;
  size_t length;
  M4_TRY(m4_file_read(path, MAX_FILE_BYTES, &content, &length, err));
  campaign->fingerprint = XXH3_64bits_withSeed(content, length, campaign->fingerprint);
  free(content);
  return M4_OK;
}

/* ---- tables ---- */

m4_status dg_campaign_add_matrix(dg_campaign *campaign, const char *path, int32_t n_racks, m4_error *err) {
  M4_TRY(dg_spatial_read(&campaign->matrices[campaign->n_matrices], path, n_racks, err));
  campaign->n_matrices++;
  return dg_campaign_add_file(campaign, path, err);
}

/* "FIRST-LAST" or "INDEX". */
static m4_status parse_indices(dg_size_source *source, const char *text, m4_error *err) {
  char first_text[32];
  int64_t first, last;
  const char *dash = strchr(text, '-');
  size_t length = dash ? (size_t)(dash - text) : strlen(text);
  snprintf(first_text, sizeof first_text, "%.*s", length < sizeof first_text ? (int)length : 0, text);
  if (m4_parse_int(first_text, &first) != M4_NUMBER_OK ||
      m4_parse_int(dash ? dash + 1 : text, &last) != M4_NUMBER_OK || first < 0 || last < first ||
      last >= DG_SYNTHETIC_TABLES)
    return m4_fail(err, M4_USAGE, "traffic.sizes", "synthetic:%s is not a range of tables within 0-%d", text,
                   DG_SYNTHETIC_TABLES - 1);
  *source = (dg_size_source){.first = (uint32_t)first, .count = (uint32_t)(last - first + 1)};
  return M4_OK;
}

m4_status dg_campaign_add_sizes(dg_campaign *campaign, const char *entry, m4_error *err) {
  dg_size_source *source = &campaign->sizes[campaign->n_sizes++];
  if (has_prefix(entry, SYNTHETIC)) {
    M4_TRY(parse_indices(source, entry + strlen(SYNTHETIC), err));
  } else {
    bool atoms = has_prefix(entry, ATOMS);
    const char *path = atoms ? entry + strlen(ATOMS) : entry;
    source->count = 1;
    M4_TRY(dg_sizes_read(&source->table, path, atoms ? DG_SIZE_ATOMS : DG_SIZE_LINEAR, err));
    M4_TRY(dg_campaign_add_file(campaign, path, err));
  }
  campaign->n_size_tables += source->count;
  return M4_OK;
}

/* ---- what the configuration lists ---- */

static m4_status open_matrices(dg_campaign *campaign, const m4_config *config, m4_error *err) {
  const dg_campaign_config *settings = campaign->config;
  int32_t n_racks = (int32_t)(settings->pods / settings->matrix_copies * settings->racks_per_pod);
  campaign->matrices = calloc(settings->matrices.count, sizeof *campaign->matrices);
  if (!campaign->matrices) return m4_fail(err, M4_MEMORY, NULL, "no memory for matrices");
  for (size_t i = 0; i < settings->matrices.count; ++i) {
    char path[PATH_BYTES];
    M4_TRY(
        m4_config_find_file(config, "traffic.matrices", settings->matrices.items[i], path, sizeof path, err));
    M4_TRY(dg_campaign_add_matrix(campaign, path, n_racks, err));
  }
  return M4_OK;
}

/* The entry with its file found. */
static m4_status find_sizes(char out[PATH_BYTES], const m4_config *config, const char *entry, m4_error *err) {
  const char *prefix = has_prefix(entry, ATOMS) ? ATOMS : "";
  size_t used = strlen(prefix);
  if (has_prefix(entry, SYNTHETIC)) {
    snprintf(out, PATH_BYTES, "%s", entry);
    return M4_OK;
  }
  memcpy(out, prefix, used + 1);
  return m4_config_find_file(config, "traffic.sizes", entry + used, out + used, PATH_BYTES - used, err);
}

static m4_status open_sizes(dg_campaign *campaign, const m4_config *config, m4_error *err) {
  const m4_text_list *entries = &campaign->config->sizes;
  campaign->sizes = calloc(entries->count, sizeof *campaign->sizes);
  if (!campaign->sizes) return m4_fail(err, M4_MEMORY, NULL, "no memory for size tables");
  for (size_t i = 0; i < entries->count; ++i) {
    char entry[PATH_BYTES];
    M4_TRY(find_sizes(entry, config, entries->items[i], err));
    M4_TRY(dg_campaign_add_sizes(campaign, entry, err));
  }
  return M4_OK;
}

/* A mix has as many scenarios as entries, unless fewer are asked for. */
static m4_status count_entries(const dg_campaign *campaign, m4_config *config, m4_error *err) {
  size_t n_entries = campaign->mix->n_entries;
  if (!m4_config_given(config, "scenarios")) {
    char assignment[48];
    snprintf(assignment, sizeof assignment, "scenarios=%zu", n_entries);
    return m4_config_set(config, assignment, err);
  }
  if (campaign->config->n_scenarios <= (int64_t)n_entries) return M4_OK;
  return m4_config_complain(config, "scenarios", err, "the mix has %zu entries only", n_entries);
}

static m4_status open_mix(dg_campaign *campaign, m4_config *config, m4_error *err) {
  const dg_campaign_config *settings = campaign->config;
  char mix[PATH_BYTES], workloads[PATH_BYTES];
  M4_TRY(m4_config_find_file(config, "mix", settings->mix, mix, sizeof mix, err));
  M4_TRY(m4_config_find_file(config, "workloads", settings->workloads, workloads, sizeof workloads, err));
  M4_TRY(dg_campaign_open_mix(campaign, mix, workloads, err));
  for (size_t i = 0; settings->write_shards && i < campaign->mix->n_entries; ++i)
    if (campaign->mix->entries[i].max_inflight_flows > 0)
      return m4_config_complain(
          config, "write_shards", err,
          "the mix has closed-loop scenarios; data sets are made of open-loop ones, set "
          "write_shards: false for ns-3 folders alone");
  return count_entries(campaign, config, err);
}

static m4_status open_all(dg_campaign *campaign, m4_config *config, m4_error *err) {
  if (campaign->config->mix[0]) return open_mix(campaign, config, err);
  M4_TRY(open_matrices(campaign, config, err));
  return open_sizes(campaign, config, err);
}

m4_status dg_campaign_open(dg_campaign **campaign, const dg_campaign_config *settings, m4_config *config,
                           m4_error *err) {
  *campaign = NULL;
  dg_campaign *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a campaign");
  made->config = settings;
  made->fingerprint = XXH3_64bits(M4_VERSION, strlen(M4_VERSION));
  m4_status status = open_all(made, config, err);
  if (status == M4_OK)
    *campaign = made;
  else
    dg_campaign_close(made);
  return status;
}

m4_status dg_campaign_identify(dg_campaign *campaign, const char *identity, m4_error *err) {
  free(campaign->identity);
  campaign->identity = strdup(identity);
  if (!campaign->identity) return m4_fail(err, M4_MEMORY, NULL, "no memory for a campaign");
  campaign->fingerprint = XXH3_64bits_withSeed(identity, strlen(identity), campaign->fingerprint);
  return M4_OK;
}

void dg_campaign_close(dg_campaign *campaign) {
  if (!campaign) return;
  for (size_t i = 0; i < campaign->n_matrices; ++i) dg_spatial_free(campaign->matrices[i]);
  for (size_t i = 0; campaign->sizes && i < campaign->n_sizes; ++i) dg_sizes_free(campaign->sizes[i].table);
  free(campaign->matrices);
  free(campaign->sizes);
  free(campaign->entries);
  dg_mix_free(campaign->mix);
  free(campaign->identity);
  free(campaign);
}

int64_t dg_campaign_shards(const dg_campaign_config *config) {
  return (config->n_scenarios + config->scenarios_per_shard - 1) / config->scenarios_per_shard;
}
