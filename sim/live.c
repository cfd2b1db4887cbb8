/* Rows as flows complete; see live.h. */
#include "sim/live.h"

#include "base/file.h"
#include "sim/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PATH_BYTES = 4096, INTERVAL_NS = 50000000 };

/* The file is open only while rows are written: many scenarios may be under way. */
struct sim_live {
  int64_t written_ns; /* time of the last rows */
  int64_t written;    /* of result->order */
  char path[MAX_PATH_BYTES];
};

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static m4_status begin_file(sim_live *live, const char *dir, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(live->path, sizeof live->path, dir, "flows.partial.csv", err));
  FILE *stream = fopen(live->path, "we");
  if (!stream) return m4_fail(err, M4_IO, live->path, "cannot write: %s", strerror(errno));
  fputs(SIM_FLOWS_CSV_HEADER, stream);
  fclose(stream);
  live->written_ns = monotonic_ns();
  return M4_OK;
}

m4_status sim_live_open(sim_live **live, const char *dir, m4_error *err) {
  *live = calloc(1, sizeof **live);
  if (!*live) return m4_fail(err, M4_MEMORY, NULL, "no memory for a file");
  m4_status status = begin_file(*live, dir, err);
  if (status == M4_OK) return M4_OK;
  free(*live);
  *live = NULL;
  return status;
}

void sim_live_update(sim_live *live, const sim_scenario *scenario, const sim_result *result) {
  int64_t now_ns = monotonic_ns();
  if (now_ns - live->written_ns < INTERVAL_NS) return;
  live->written_ns = now_ns;
  FILE *stream = fopen(live->path, "ae");
  if (!stream) return;
  for (; live->written < result->n_finished; live->written++)
    sim_write_flow_row(stream, scenario, result, result->order[live->written]);
  fclose(stream);
}

void sim_live_close(sim_live *live, bool complete) {
  if (!live) return;
  if (complete) unlink(live->path);
  free(live);
}
