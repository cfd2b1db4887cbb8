/* Scenario folders with a truth, found below a folder. Knows files only. */
#ifndef SIM_ACCURACY_FOLDERS_H
#define SIM_ACCURACY_FOLDERS_H

#include "base/status.h"

#include <stddef.h>

/* Paths are dir/NAME, or dir itself with the last part of its path as its name. */
typedef struct acc_folders {
  char **names; /* [n] in natural order: 2 before 10 */
  size_t n;
} acc_folders;

/* A scenario is a folder with topology.txt and fct.txt (plain or .gz); it is not searched further. Links are
 * followed, a few folders deep. M4_IO, M4_MEMORY; *without_truth counts scenarios that have no fct.txt. */
m4_status acc_folders_find(acc_folders *folders, const char *dir, size_t *without_truth, m4_error *err);
void acc_folders_free(acc_folders *folders);

#endif
