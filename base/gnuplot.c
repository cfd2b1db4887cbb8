/* gnuplot as a child process: files for its input, output and messages; no shell. Knows signals. */
#include "base/plot_internal.h"
#include "base/signals.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int spawn_gnuplot(pid_t *child, int input, int output, int messages) {
  static char name[] = "gnuplot", defaults[] = "-d"; /* -d: the user's start-up files have no say */
  char *arguments[] = {name, defaults, NULL};
  posix_spawn_file_actions_t actions;
  int failure = posix_spawn_file_actions_init(&actions);
  if (failure) return failure;
  failure = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (!failure) failure = posix_spawn_file_actions_adddup2(&actions, messages, STDERR_FILENO);
  if (!failure) failure = posix_spawnp(child, name, &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  return failure;
}

/* The first line of what gnuplot said that is more than its echo of our input. */
static void read_message(FILE *messages, char *line, int line_bytes) {
  rewind(messages);
  line[0] = '\0';
  while (fgets(line, line_bytes, messages)) {
    line[strcspn(line, "\n")] = '\0';
    if (strstr(line, "line ")) return;
  }
}

static m4_status fail_child(int exit_status, FILE *messages, const char *shown, m4_error *err) {
  if (m4_stop_requested()) return m4_fail(err, M4_INTERRUPTED, shown, "interrupted while drawing");
  if (WIFSIGNALED(exit_status))
    return m4_fail(err, M4_IO, shown, "gnuplot was ended by signal %d", WTERMSIG(exit_status));
  char line[256];
  read_message(messages, line, sizeof line);
  return m4_fail(err, M4_IO, shown, "gnuplot failed: %s", line[0] ? line : "no reason given");
}

m4_status m4_gnuplot_run(FILE *script, FILE *picture, const char *shown, bool *found, m4_error *err) {
  *found = true;
  FILE *messages = tmpfile();
  if (!messages) return m4_fail(err, M4_IO, shown, "no temporary file: %s", strerror(errno));
  pid_t child;
  int exit_status = 0;
  int failure = spawn_gnuplot(&child, fileno(script), fileno(picture), fileno(messages));
  m4_status status = M4_OK;
  if (failure == ENOENT || failure == EACCES) {
    *found = false;
  } else if (failure) {
    status = m4_fail(err, M4_IO, shown, "cannot start gnuplot: %s", strerror(failure));
  } else {
    pid_t ended;
    do ended = waitpid(child, &exit_status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
      status = m4_fail(err, M4_IO, shown, "cannot wait for gnuplot: %s", strerror(errno));
    else if (!WIFEXITED(exit_status) || WEXITSTATUS(exit_status) != 0)
      status = fail_child(exit_status, messages, shown, err);
  }
  fclose(messages);
  return status;
}
