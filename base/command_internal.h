/* What parsing and help share; not for other rooms. */
#ifndef M4_BASE_COMMAND_INTERNAL_H
#define M4_BASE_COMMAND_INTERNAL_H

#include "base/command.h"

/* The options a program has beside its own, with offsets into m4_common; ends with name NULL. --help and
 * --version are not in it. A program without configuration keys has only --quiet. */
const m4_option *m4_common_options_of(const m4_program *program);

m4_status m4_command_help(const m4_program *program, FILE *out, m4_error *err);
m4_status m4_command_help_config(const m4_program *program, FILE *out, m4_error *err);

#endif
