/* m4-data: looks into datasets. Chooses the command. */
#include "data/m4_data.h"

#include "base/log.h"
#include "base/program.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

typedef struct data_command {
  const char *name;
  int (*run)(int argc, char **argv);
} data_command;

static const data_command commands[] = {
    {"info", m4_data_info}, {"check", m4_data_check}, {"export", m4_data_export}, {"plot", m4_data_plot}};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const m4_program program = {
    "m4-data",
    "looks into datasets made by m4-datagen",
    "m4-data info   --dataset PATH                   what is in it, on one screen\n"
    "m4-data check  --dataset PATH                   every inconsistency (exit code 3)\n"
    "m4-data export --dataset PATH --scenario NAME --out DIR   as csv, json or ns-3 files\n"
    "m4-data plot   --dataset PATH --out DIR         sizes, loads, slowdowns, busy periods, queues\n"
    "m4-data COMMAND --help                          the options of one command",
    "m4-data info --dataset datasets/train\n"
    "m4-data check --dataset datasets/train\n"
    "m4-data export --dataset datasets/train --scenario s00012 --out out\n"
    "m4-data plot --dataset datasets/train --out figures",
    NULL,
    NULL};

static m4_status no_command(void *options, const m4_common *common, m4_error *err) {
  (void)options, (void)common;
  return m4_hint(err, m4_fail(err, M4_USAGE, NULL, "no command is given: info, check, export or plot"),
                 "m4-data --help");
}

static int unknown_command(const char *name) {
  m4_error error = {0};
  m4_nearest nearest = m4_nearest_to(name);
  for (int i = 0; i < N_COMMANDS; ++i) m4_nearest_offer(&nearest, commands[i].name);
  m4_fail(&error, M4_USAGE, NULL, "unknown command \"%.64s\"", name);
  if (m4_nearest_is_close(&nearest))
    m4_hint(&error, M4_USAGE, "did you mean %s?", nearest.name);
  else
    m4_hint(&error, M4_USAGE, "info, check, export or plot");
  m4_print_error(program.name, &error);
  return m4_exit_code(M4_USAGE);
}

int main(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-') {
    char no_options;
    return m4_main(&program, no_command, &no_options, argc, argv);
  }
  for (int i = 0; i < N_COMMANDS; ++i)
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
  return unknown_command(argv[1]);
}
