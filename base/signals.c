/* Signal flags. Knows nothing. */
#include "base/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_code;
static volatile sig_atomic_t save_flag;

static void on_stop(int number) {
  if (stop_code) _exit(128 + number);
  stop_code = 128 + number;
}

static void on_save(int number) {
  (void)number;
  save_flag = 1;
}

void m4_signals_install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_stop;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  action.sa_handler = on_save;
  sigaction(SIGUSR1, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, NULL);
  sigaction(SIGXFSZ, &action, NULL); /* a limit on file sizes (ulimit -f) is then an error of the write */
}

int m4_stop_requested(void) {
  return stop_code;
}

int m4_save_requested(void) {
  int wanted = save_flag;
  save_flag = 0;
  return wanted;
}
