/* Log lines and the progress line share one mutex, so that they never mix on the screen. Knows status only.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { TERMINAL_INTERVAL_NS = 100000000, LINE_BYTES = 512 };
static const int64_t pipe_interval_ns = 10000000000;

struct m4_log {
  pthread_mutex_t mutex;
  FILE *file; /* NULL without a log file */
  bool quiet;
  bool terminal;      /* stderr understands cursor movement */
  bool line_is_drawn; /* a progress line is on the screen and must be wiped before other text */
};

struct m4_progress {
  m4_log *log; /* NULL: silent */
  const char *title, *unit;
  uint64_t total;
  int64_t start_ns, interval_ns;
  atomic_int_fast64_t next_draw_ns;
  atomic_uint_fast64_t done;
  uint64_t drawn; /* `done` on the screen; guarded by the log's mutex, as what follows */
  char note[128];
  char names[]; /* owned copies of title and unit */
};

m4_status m4_log_create(m4_log **log, bool quiet, const char *file_path, m4_error *err) {
  *log = NULL;
  m4_log *made = calloc(1, sizeof *made);
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for the log");
  if (file_path && !(made->file = fopen(file_path, "ae"))) {
    int reason = errno;
    free(made);
    return m4_fail(err, M4_IO, file_path, "cannot write the log: %s", strerror(reason));
  }
  const char *term = getenv("TERM");
  made->quiet = quiet;
  made->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  pthread_mutex_init(&made->mutex, NULL);
  *log = made;
  return M4_OK;
}

m4_status m4_log_to_file(m4_log *log, const char *path, m4_error *err) {
  FILE *file = fopen(path, "ae");
  if (!file) return m4_fail(err, M4_IO, path, "cannot write the log: %s", strerror(errno));
  pthread_mutex_lock(&log->mutex);
  if (log->file) fclose(log->file);
  log->file = file;
  pthread_mutex_unlock(&log->mutex);
  return M4_OK;
}

void m4_log_free(m4_log *log) {
  if (!log) return;
  if (log->file) fclose(log->file);
  pthread_mutex_destroy(&log->mutex);
  free(log);
}

static void wipe_progress_line(m4_log *log) {
  if (log->line_is_drawn) fputs("\r\033[K", stderr);
  log->line_is_drawn = false;
}

static void write_stamp(FILE *file) {
  time_t now = time(NULL);
  struct tm local;
  char stamp[32];
  localtime_r(&now, &local);
  strftime(stamp, sizeof stamp, "%m-%d:%H:%M:%S|", &local);
  fputs(stamp, file);
}

static void write_line(m4_log *log, bool on_screen, const char *label, const char *fmt, va_list args) {
  va_list again;
  va_copy(again, args);
  pthread_mutex_lock(&log->mutex);
  if (on_screen) {
    wipe_progress_line(log);
    fputs(label, stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
  }
  if (log->file) {
    write_stamp(log->file);
    fputs(label, log->file);
    vfprintf(log->file, fmt, again);
    fputc('\n', log->file);
    fflush(log->file);
  }
  pthread_mutex_unlock(&log->mutex);
  va_end(again);
}

void m4_info(m4_log *log, const char *fmt, ...) {
  if (!log) return;
  va_list args;
  va_start(args, fmt);
  write_line(log, !log->quiet, "", fmt, args);
  va_end(args);
}

void m4_warn(m4_log *log, const char *fmt, ...) {
  if (!log) return;
  va_list args;
  va_start(args, fmt);
  write_line(log, true, "warning: ", fmt, args);
  va_end(args);
}

__attribute__((format(printf, 3, 4))) static void write_labelled(m4_log *log, const char *label,
                                                                 const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  write_line(log, true, label, fmt, args);
  va_end(args);
}

void m4_log_error(m4_log *log, const char *program, const m4_error *err) {
  if (!log) return;
  write_labelled(log, "", "%s: error: %s%s%s", program, err->where, err->where[0] ? ": " : "", err->what);
  if (err->hint[0]) write_labelled(log, "  hint: ", "%s", err->hint);
}

void m4_print_error(const char *program, const m4_error *err) {
  fprintf(stderr, "%s: error: %s%s%s\n", program, err->where, err->where[0] ? ": " : "", err->what);
  if (err->hint[0]) fprintf(stderr, "  hint: %s\n", err->hint);
}

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

m4_status m4_progress_create(m4_progress **progress, m4_log *log, const char *title, const char *unit,
                             uint64_t total, m4_error *err) {
  size_t title_bytes = strlen(title) + 1, unit_bytes = strlen(unit) + 1;
  m4_progress *made = calloc(1, sizeof *made + title_bytes + unit_bytes);
  *progress = made;
  if (!made) return m4_fail(err, M4_MEMORY, NULL, "no memory for the progress line");
  made->log = log && !log->quiet ? log : NULL;
  made->title = memcpy(made->names, title, title_bytes);
  made->unit = memcpy(made->names + title_bytes, unit, unit_bytes);
  made->total = total;
  made->start_ns = now_ns();
  made->interval_ns = log && log->terminal ? TERMINAL_INTERVAL_NS : pipe_interval_ns;
  atomic_init(&made->next_draw_ns, made->start_ns + made->interval_ns);
  return M4_OK;
}

static void format_duration(char *out, size_t out_bytes, double seconds) {
  if (seconds < 60)
    snprintf(out, out_bytes, "%.1f s", seconds);
  else if (seconds < 3600)
    snprintf(out, out_bytes, "%d min %02d s", (int)seconds / 60, (int)seconds % 60);
  else
    snprintf(out, out_bytes, "%.0f h %02d min", (double)((int64_t)seconds / 3600),
             (int)((int64_t)seconds / 60 % 60));
}

static void format_progress(const m4_progress *progress, char *out, size_t out_bytes) {
  double seconds = (double)(now_ns() - progress->start_ns) * 1e-9;
  uint64_t done = progress->drawn;
  char elapsed[32], left[48] = "", share[64] = "";
  format_duration(elapsed, sizeof elapsed, seconds);
  if (progress->total > 0) {
    double part = (double)done / (double)progress->total;
    snprintf(share, sizeof share, "%3.0f %%  %llu/", 100 * part, (unsigned long long)done);
    if (done > 0 && done < progress->total) {
      char rest[32];
      format_duration(rest, sizeof rest, seconds * (1 / part - 1));
      snprintf(left, sizeof left, ", %s left", rest);
    }
  }
  uint64_t shown = progress->total > 0 ? progress->total : done;
  snprintf(out, out_bytes, "%s  %s%llu %s  %s%s%s%s", progress->title, share, (unsigned long long)shown,
           progress->unit, elapsed, left, progress->note[0] ? "  " : "", progress->note);
}

static int terminal_columns(void) {
  struct winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw(m4_progress *progress) {
  char line[LINE_BYTES];
  progress->drawn = atomic_load(&progress->done);
  format_progress(progress, line, sizeof line);
  if (progress->log->terminal) {
    fprintf(stderr, "\r\033[K%.*s", terminal_columns() - 1, line);
    fflush(stderr);
    progress->log->line_is_drawn = true;
  } else {
    fprintf(stderr, "%s\n", line);
  }
}

void m4_progress_update(m4_progress *progress, uint64_t done, const char *note) {
  if (!progress || !progress->log) return;
  uint_fast64_t before = atomic_load(&progress->done);
  while (before < done && !atomic_compare_exchange_weak(&progress->done, &before, done)) {
  }
  int64_t now = now_ns();
  int_fast64_t due = atomic_load(&progress->next_draw_ns);
  if (now < due ||
      !atomic_compare_exchange_strong(&progress->next_draw_ns, &due, now + progress->interval_ns))
    return;
  pthread_mutex_lock(&progress->log->mutex);
  snprintf(progress->note, sizeof progress->note, "%s", note ? note : "");
  draw(progress);
  pthread_mutex_unlock(&progress->log->mutex);
}

void m4_progress_free(m4_progress *progress) {
  if (!progress) return;
  if (progress->log) {
    pthread_mutex_lock(&progress->log->mutex);
    if (progress->drawn != atomic_load(&progress->done)) draw(progress);
    if (progress->log->line_is_drawn) fputc('\n', stderr);
    progress->log->line_is_drawn = false;
    pthread_mutex_unlock(&progress->log->mutex);
  }
  free(progress);
}
