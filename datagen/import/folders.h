/* Which scenario folders an import takes, and what their scenarios are called. Knows folders only. */
#ifndef DATAGEN_IMPORT_FOLDERS_H
#define DATAGEN_IMPORT_FOLDERS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct dg_folder {
  char *path; /* of the files */
  char *name; /* of the scenario */
} dg_folder;

typedef struct dg_folders {
  dg_folder *items;
  size_t count, capacity;
} dg_folders;

/* A DIR that is_scenario accepts, or whose sub-folder "ns3" it accepts (the reference's layout), is one
 * scenario, named after DIR; otherwise its sub-folders are looked at in name order, everything else in them
 * is ignored. M4_DATA: a DIR without scenarios, two scenarios of one name. Zero-initialise; free with
 * dg_folders_free, also after an error. */
m4_status dg_folders_find(dg_folders *folders, const char *const *dirs, size_t n_dirs,
                          bool (*is_scenario)(const char *dir), m4_error *err);
void dg_folders_free(dg_folders *folders);

#endif
