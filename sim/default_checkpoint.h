/* The weights that come with m4: used when no others are named. Knows where programs are installed. */
#ifndef SIM_DEFAULT_CHECKPOINT_H
#define SIM_DEFAULT_CHECKPOINT_H

#include "base/status.h"

#include <stddef.h>

/* Finds checkpoints/compact.safetensors: in share/m4 of the installation, or in the source tree a program was
 * built in. M4_USAGE when it is in neither. */
m4_status sim_default_checkpoint(char *path, size_t path_bytes, m4_error *err);

#endif
