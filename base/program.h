/* The body of a program's main, the same for all: signals, command line, work, one error line, exit code.
 * Knows command and signals. */
#ifndef M4_BASE_PROGRAM_H
#define M4_BASE_PROGRAM_H

#include "base/command.h"

/* The program's work. `options` is the struct that the option table fills. */
typedef m4_status m4_run(void *options, const m4_common *common, m4_error *err);

/* Parses into `options` (zeroed by the caller) and runs, unless --help or --version was all that was asked.
 * An interrupted program says nothing more: its exit code is that of the signal. */
int m4_main(const m4_program *program, m4_run *run, void *options, int argc, char **argv);

#endif
