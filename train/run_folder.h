/* The folder of a run: version_N, the resolved configuration, names of everything inside. Knows base.
 * Source: training.md 10. */
#ifndef TRAIN_RUN_FOLDER_H
#define TRAIN_RUN_FOLDER_H

#include "base/config.h"
#include "base/status.h"

#include <stdint.h>

enum { TR_PATH_BYTES = 1024 };

typedef struct tr_folder {
  char dir[TR_PATH_BYTES];         /* <dir_output>/<note>/version_N */
  char checkpoints[TR_PATH_BYTES]; /* dir/checkpoints */
} tr_folder;

/* Makes the next free version_N with checkpoints/ inside. */
m4_status tr_folder_create(tr_folder *folder, const char *dir_output, const char *note, m4_error *err);
/* What to resume: a run folder (its last state) or a *.state.safetensors in its checkpoints/. state_path
 * [TR_PATH_BYTES] receives the file. M4_IO when there is no such state. */
m4_status tr_folder_resume(tr_folder *folder, const char *what, char *state_path, m4_error *err);
/* dir/name and dir/checkpoints/name. */
m4_status tr_folder_file(const tr_folder *folder, const char *name, char *path, m4_error *err);
m4_status tr_folder_checkpoint(const tr_folder *folder, const char *name, char *path, m4_error *err);
/* Removes the temporary files (*.tmp.<pid>) that a crash left in both folders. */
void tr_folder_sweep(const tr_folder *folder);
/* Removes checkpoints/epoch=NNN.safetensors and its state, where they exist. */
void tr_folder_remove_epoch(const tr_folder *folder, int64_t epoch);

/* config.yaml of the run to resume: path [TR_PATH_BYTES]. M4_DATA when its last line, TR_CONFIG_END, is
 * missing: half a configuration may be a valid one with other settings. */
#define TR_CONFIG_END "# end of configuration\n"
m4_status tr_folder_config(const tr_folder *folder, char *path, m4_error *err);
/* The resolved configuration as text; malloc'ed. */
m4_status tr_config_text(const m4_config *config, char **text, m4_error *err);
/* Writes text atomically to dir/name. */
m4_status tr_folder_write(const tr_folder *folder, const char *name, const char *text, m4_error *err);

#endif
