/* What m4-datagen does with --from-ns3 and --from-npy. Belongs to the program. */
#ifndef DATAGEN_IMPORT_COMMAND_H
#define DATAGEN_IMPORT_COMMAND_H

#include "base/command.h"
#include "datagen/campaign_config.h"

typedef struct dg_import_options {
  m4_text_list from_ns3, from_npy; /* folders; one of the two */
} dg_import_options;

bool dg_import_wanted(const dg_import_options *options);

/* Imports into settings->output; with --dry-run only lists the scenarios on `plan`. */
m4_status dg_import_command(const dg_import_options *options, const dg_campaign_config *settings,
                            const m4_common *common, FILE *plan, m4_error *err);

#endif
