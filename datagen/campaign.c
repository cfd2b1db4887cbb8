/* Opening a campaign: matrices, size tables and the fingerprint of everything that decides its content. */
#include "datagen/campaign.h"

#include "base/file.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_FILE_BYTES = 1 << 30 };
static const char ATOMS[] = "atoms:", SYNTHETIC[] = "synthetic:";

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static m4_status add_file(dg_campaign *campaign, const char *path, m4_error *err) {
  char *content;
  size_t length;
  M4_TRY(m4_file_read(path, MAX_FILE_BYTES, &content, &length, err));
  campaign->fingerprint = XXH3_64bits_withSeed(content, length, campaign->fingerprint);
  free(content);
  return M4_OK;
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

static m4_status open_sizes(dg_campaign *campaign, dg_size_source *source, const char *entry, m4_error *err) {
  if (has_prefix(entry, SYNTHETIC)) return parse_indices(source, entry + strlen(SYNTHETIC), err);
  bool atoms = has_prefix(entry, ATOMS);
  const char *path = atoms ? entry + strlen(ATOMS) : entry;
  source->count = 1;
  M4_TRY(dg_sizes_read(&source->table, path, atoms ? DG_SIZE_ATOMS : DG_SIZE_LINEAR, err));
  return add_file(campaign, path, err);
}

static m4_status open_all(dg_campaign *campaign, m4_error *err) {
  const dg_campaign_config *config = campaign->config;
  int32_t n_racks = (int32_t)(config->pods * config->racks_per_pod);
  for (size_t i = 0; i < config->matrices.count; ++i) {
    M4_TRY(dg_spatial_read(&campaign->matrices[i], config->matrices.items[i], n_racks, err));
    M4_TRY(add_file(campaign, config->matrices.items[i], err));
  }
  for (size_t i = 0; i < config->sizes.count; ++i) {
    M4_TRY(open_sizes(campaign, &campaign->sizes[i], config->sizes.items[i], err));
    campaign->n_size_tables += campaign->sizes[i].count;
  }
  return M4_OK;
}

m4_status dg_campaign_open(dg_campaign **campaign, const dg_campaign_config *config, const char *identity,
                           m4_error *err) {
  *campaign = NULL;
  dg_campaign *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for a campaign");
  made->config = config;
  made->identity = strdup(identity);
  made->matrices = calloc(config->matrices.count, sizeof *made->matrices);
  made->sizes = calloc(config->sizes.count, sizeof *made->sizes);
  m4_status status = M4_OK;
  if (!made->identity || !made->matrices || !made->sizes)
    status = m4_fail(err, M4_MEMORY, NULL, "no memory for a campaign");
  if (status == M4_OK) {
    made->fingerprint =
        XXH3_64bits_withSeed(identity, strlen(identity), XXH3_64bits(M4_VERSION, strlen(M4_VERSION)));
    status = open_all(made, err);
  }
  if (status == M4_OK)
    *campaign = made;
  else
    dg_campaign_close(made);
  return status;
}

void dg_campaign_close(dg_campaign *campaign) {
  if (!campaign) return;
  for (size_t i = 0; campaign->matrices && i < campaign->config->matrices.count; ++i)
    dg_spatial_free(campaign->matrices[i]);
  for (size_t i = 0; campaign->sizes && i < campaign->config->sizes.count; ++i)
    dg_sizes_free(campaign->sizes[i].table);
  free(campaign->matrices);
  free(campaign->sizes);
  free(campaign->identity);
  free(campaign);
}

int64_t dg_campaign_shards(const dg_campaign_config *config) {
  return (config->n_scenarios + config->scenarios_per_shard - 1) / config->scenarios_per_shard;
}

/* Measured: 90 bytes of compressed facts per flow with datagen-train.yaml, 75 with datagen-demo.yaml. */
int64_t dg_campaign_bytes(const dg_campaign_config *config) {
  enum { BYTES_PER_FLOW = 90 };
  return config->n_scenarios * config->n_flows * BYTES_PER_FLOW;
}
