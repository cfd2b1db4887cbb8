/* Signals in child processes: what the flags say, and that the second one ends the process. */
#include "base/signals.h"

#include "testing.h"

#include <signal.h>

/* Runs `body` in a child; returns its exit code, or 1000 + signal. */
static int in_child(int (*body)(void)) {
  pid_t child = fork();
  if (child == 0) _exit(body());
  int status;
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int interrupt_once(void) {
  m4_signals_install();
  if (m4_stop_requested() != 0) return 1;
  raise(SIGINT);
  return m4_stop_requested();
}

static int terminate_once(void) {
  m4_signals_install();
  raise(SIGTERM);
  return m4_stop_requested();
}

static int interrupt_twice(void) {
  m4_signals_install();
  raise(SIGINT);
  raise(SIGINT);
  return 7;
}

static int save_is_told_once(void) {
  m4_signals_install();
  int before = m4_save_requested();
  raise(SIGUSR1);
  int first = m4_save_requested(), second = m4_save_requested();
  raise(SIGPIPE); /* ignored */
  raise(SIGXFSZ); /* ignored */
  return before == 0 && first == 1 && second == 0 && m4_stop_requested() == 0 ? 0 : 1;
}

static void flags(void **state) {
  (void)state;
  assert_int_equal(in_child(interrupt_once), 130);
  assert_int_equal(in_child(terminate_once), 143);
  assert_int_equal(in_child(interrupt_twice), 130);
  assert_int_equal(in_child(save_is_told_once), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(flags)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
