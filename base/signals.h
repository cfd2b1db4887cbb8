/* Ctrl-C and friends: the handler only sets a flag; loops look at it between steps, save and leave. Knows
 * status only. The flag is the one process-wide state in the project: signals are process-wide. A second
 * signal ends the process at once. */
#ifndef M4_BASE_SIGNALS_H
#define M4_BASE_SIGNALS_H

/* Installs handlers for SIGINT, SIGTERM (stop), SIGUSR1 (save now) and ignores SIGPIPE and SIGXFSZ (their
 * writes fail instead). Programs call it; libraries never do. */
void m4_signals_install(void);
/* 0, or the exit code of the signal that asked to stop: 130 or 143. */
int m4_stop_requested(void);
/* True once per SIGUSR1. */
int m4_save_requested(void);

#endif
