/* The tables a campaign draws from, read and counted into its fingerprint. Shared by campaign.c and
 * campaign_mix.c. */
#ifndef DATAGEN_CAMPAIGN_INPUTS_H
#define DATAGEN_CAMPAIGN_INPUTS_H

#include "datagen/campaign.h"

/* Reads a matrix into the next place of campaign->matrices, which has room. */
m4_status dg_campaign_add_matrix(dg_campaign *campaign, const char *path, int32_t n_racks, m4_error *err);
/* FILE (interpolated), atoms:FILE, synthetic:FIRST-LAST; the same for campaign->sizes. */
m4_status dg_campaign_add_sizes(dg_campaign *campaign, const char *entry, m4_error *err);
m4_status dg_campaign_add_file(dg_campaign *campaign, const char *path, m4_error *err); /* content only */

/* Reads or makes the mix and every table it names. `workloads` is the folder of stand-ins. */
m4_status dg_campaign_open_mix(dg_campaign *campaign, const char *mix_path, const char *workloads,
                               m4_error *err);

#endif
