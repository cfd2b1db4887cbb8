/* What every main does. */
#include "base/program.h"

#include "base/log.h"
#include "base/signals.h"

int m4_main(const m4_program *program, m4_run *run, void *options, int argc, char **argv) {
  m4_common common = {0};
  m4_error error = {0};
  bool finished = false;
  m4_signals_install();
  m4_status status = m4_command_parse(program, argc, argv, options, &common, &finished, &error);
  if (status == M4_OK && !finished) status = run(options, &common, &error);
  m4_command_free(program, options, &common);
  if (status == M4_INTERRUPTED && m4_stop_requested()) return m4_stop_requested();
  if (status != M4_OK) m4_print_error(program->name, &error);
  return m4_exit_code(status);
}
