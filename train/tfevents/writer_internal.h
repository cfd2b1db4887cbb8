/* Inside tfevents/: the open file and how values get into it. */
#ifndef TRAIN_TFEVENTS_WRITER_INTERNAL_H
#define TRAIN_TFEVENTS_WRITER_INTERNAL_H

#include "train/tfevents/tfevents.h"

#include "tfevents.pb-c.h"

#include <stdio.h>

struct tfe_writer {
  FILE *stream;
  char path[1024];
  int write_errno; /* first failure */
};

double tfe_now_seconds(void);
void tfe_fail(tfe_writer *writer, int code); /* remembers the first */
/* One event with this value. */
void tfe_put_value(tfe_writer *writer, int64_t step, Tfe__Summary__Value *value);
/* Marks a value as one of a TensorBoard plugin. metadata and plugin must outlive the value. */
void tfe_set_plugin(Tfe__Summary__Value *value, Tfe__SummaryMetadata *metadata, Tfe__PluginData *plugin,
                    const char *name);

#endif
