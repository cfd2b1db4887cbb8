/* The folder of a campaign: campaign.yaml says whose shards lie there; complete shards are kept. Knows
 * campaign and dataset. */
#ifndef DATAGEN_CAMPAIGN_FOLDER_H
#define DATAGEN_CAMPAIGN_FOLDER_H

#include "datagen/campaign.h"

enum { DG_PATH_BYTES = 4096 };

/* A scenario's name from its id. */
#define DG_NAME_FORMAT "%05lld"

/* Makes the folder or checks that it belongs to this campaign, and removes what killed runs left behind. */
m4_status dg_folder_prepare(const dg_campaign *campaign, m4_error *err);

/* ns3_output/00042, or output/ns3/00042 when that key is empty. */
m4_status dg_ns3_path(char path[DG_PATH_BYTES], const dg_campaign_config *config, const char *name,
                      m4_error *err);

/* output/shard-00007.h5 */
m4_status dg_shard_path(char path[DG_PATH_BYTES], const dg_campaign *campaign, int64_t shard, m4_error *err);
/* Scenarios of a shard: per_shard, fewer in the last one. */
int64_t dg_shard_scenarios(const dg_campaign_config *config, int64_t shard);
/* True in *complete when the shard exists; a file there that is not this shard is an error, never
 * overwritten. */
m4_status dg_shard_check(bool *complete, const dg_campaign *campaign, int64_t shard, m4_error *err);

#endif
