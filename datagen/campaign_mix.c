/* Opening the mix of a campaign: each table that its entries name is read once. */
#include "datagen/campaign_inputs.h"

#include "base/file.h"
#include "datagen/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names already found, so that 4000 entries with 3 matrices read 3 files. */
typedef struct seen {
  const char *name; /* as in the mix */
  int32_t copies, n_racks;
  size_t place; /* in the campaign's list */
} seen;

typedef struct opening {
  dg_campaign *campaign;
  dg_catalogue catalogue;
  seen *matrices, *sizes; /* [n_matrices], [n_sizes]; room for every entry */
  const char **clusters;  /* [n_clusters] */
  size_t *cluster_entry;  /* [n_clusters] the entry that has it */
  size_t n_clusters;
} opening;

static m4_status name_entry(m4_error *err, m4_status status, const dg_mix_entry *entry, const char *key) {
  char where[64];
  if (status == M4_OK) return M4_OK;
  snprintf(where, sizeof where, "mix: id %lld: %s", (long long)entry->id, key);
  return m4_within(err, status, where);
}

/* The mix's matrix; its number of racks is the cluster's, unless it is laid over it several times. */
static m4_status open_matrix(opening *in, dg_mix_inputs *inputs, const char *name, m4_error *err) {
  dg_campaign *campaign = in->campaign;
  int32_t n_racks = inputs->shape.pods * inputs->shape.racks_per_pod;
  for (size_t i = 0; i < campaign->n_matrices; ++i)
    if (strcmp(in->matrices[i].name, name) == 0 && in->matrices[i].n_racks == n_racks) {
      inputs->matrix = in->matrices[i].place;
      inputs->matrix_copies = in->matrices[i].copies;
      return M4_OK;
    }
  dg_found found;
  M4_TRY(dg_find_matrix(&found, &in->catalogue, name, err));
  if (inputs->shape.pods % found.copies != 0)
    return m4_fail(err, M4_USAGE, name, "the matrix is for other clusters than one of %d pods",
                   inputs->shape.pods);
  inputs->matrix = campaign->n_matrices;
  inputs->matrix_copies = found.copies;
  M4_TRY(dg_campaign_add_matrix(campaign, found.path, n_racks / found.copies, err));
  in->matrices[inputs->matrix] = (seen){name, found.copies, n_racks, inputs->matrix};
  campaign->n_stand_ins += found.stand_in;
  return M4_OK;
}

static m4_status open_sizes(opening *in, dg_mix_inputs *inputs, const char *name, m4_error *err) {
  dg_campaign *campaign = in->campaign;
  for (size_t i = 0; i < campaign->n_sizes; ++i)
    if (strcmp(in->sizes[i].name, name) == 0) {
      inputs->sizes = in->sizes[i].place;
      return M4_OK;
    }
  dg_found found;
  M4_TRY(dg_find_sizes(&found, &in->catalogue, name, err));
  inputs->sizes = campaign->n_sizes;
  M4_TRY(dg_campaign_add_sizes(campaign, found.path, err));
  in->sizes[inputs->sizes] = (seen){.name = name, .place = inputs->sizes};
  campaign->n_stand_ins += found.stand_in;
  return M4_OK;
}

static m4_status open_cluster(opening *in, size_t index, const char *name, m4_error *err) {
  dg_campaign *campaign = in->campaign;
  for (size_t i = 0; i < in->n_clusters; ++i)
    if (strcmp(in->clusters[i], name) == 0) {
      campaign->entries[index].shape = campaign->entries[in->cluster_entry[i]].shape;
      return M4_OK;
    }
  char path[DG_NAME_BYTES];
  M4_TRY(dg_find_cluster(&campaign->entries[index].shape, path, &in->catalogue, name, err));
  in->clusters[in->n_clusters] = name;
  in->cluster_entry[in->n_clusters++] = index;
  return path[0] ? dg_campaign_add_file(campaign, path, err) : M4_OK;
}

static m4_status open_entries(opening *in, m4_error *err) {
  const dg_mix *mix = in->campaign->mix;
  for (size_t i = 0; i < mix->n_entries; ++i) {
    const dg_mix_entry *entry = &mix->entries[i];
    dg_mix_inputs *inputs = &in->campaign->entries[i];
    M4_TRY(name_entry(err, open_cluster(in, i, entry->cluster, err), entry, "cluster"));
    M4_TRY(name_entry(err, open_matrix(in, inputs, entry->spatial, err), entry, "spatial"));
    M4_TRY(name_entry(err, open_sizes(in, inputs, entry->size_dist, err), entry, "size_dist"));
  }
  return M4_OK;
}

static m4_status make_room(opening *in, m4_error *err) {
  dg_campaign *campaign = in->campaign;
  size_t n = campaign->mix->n_entries;
  campaign->entries = calloc(n, sizeof *campaign->entries);
  campaign->matrices = calloc(n, sizeof *campaign->matrices);
  campaign->sizes = calloc(n, sizeof *campaign->sizes);
  in->matrices = calloc(n, sizeof *in->matrices);
  in->sizes = calloc(n, sizeof *in->sizes);
  in->clusters = calloc(n, sizeof *in->clusters);
  in->cluster_entry = calloc(n, sizeof *in->cluster_entry);
  if (campaign->entries && campaign->matrices && campaign->sizes && in->matrices && in->sizes &&
      in->clusters && in->cluster_entry)
    return M4_OK;
  return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu scenarios", n);
}

static m4_status read_mix(dg_campaign *campaign, const char *path, m4_error *err) {
  if (dg_mix_is_published(path)) return dg_mix_published(&campaign->mix, path, err);
  M4_TRY(dg_mix_read(&campaign->mix, path, err));
  return dg_campaign_add_file(campaign, path, err);
}

m4_status dg_campaign_open_mix(dg_campaign *campaign, const char *mix_path, const char *workloads,
                               m4_error *err) {
  M4_TRY(read_mix(campaign, mix_path, err));
  char folder[DG_NAME_BYTES];
  snprintf(folder, sizeof folder, "%s", mix_path);
  char *slash = strrchr(folder, '/');
  if (slash)
    slash[slash == folder] = '\0';
  else
    folder[0] = '\0';
  opening in = {.campaign = campaign, .catalogue = {folder, workloads}};
  m4_status status = make_room(&in, err);
  if (status == M4_OK) status = open_entries(&in, err);
  free(in.matrices);
  free(in.sizes);
  free(in.clusters);
  free(in.cluster_entry);
  return status;
}
