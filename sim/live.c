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

struct sim_live {
  FILE *stream;
  int64_t written_ns; /* time of the last rows */
  int64_t written;    /* of result->order */
  char path[MAX_PATH_BYTES];
};

static int64_t monotonic_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static m4_status open_file(sim_live *live, const char *dir, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(live->path, sizeof live->path, dir, "flows.partial.csv", err));
  live->stream = fopen(live->path, "we");
  if (!live->stream) return m4_fail(err, M4_IO, live->path, "cannot write: %s", strerror(errno));
  fputs(SIM_FLOWS_CSV_HEADER, live->stream);
  live->written_ns = monotonic_ns();
  return M4_OK;
}

m4_status sim_live_open(sim_live **live, const char *dir, m4_error *err) {
  *live = calloc(1, sizeof **live);
  if (!*live) return m4_fail(err, M4_MEMORY, NULL, "no memory for a file");
  m4_status status = open_file(*live, dir, err);
  if (status == M4_OK) return M4_OK;
  free(*live);
  *live = NULL;
  return status;
}

void sim_live_update(sim_live *live, const sim_scenario *scenario, const sim_result *result) {
  int64_t now_ns = monotonic_ns();
  if (now_ns - live->written_ns < INTERVAL_NS) return;
  live->written_ns = now_ns;
  for (; live->written < result->n_finished; live->written++)
    sim_write_flow_row(live->stream, scenario, result, result->order[live->written]);
  fflush(live->stream);
}

void sim_live_close(sim_live *live, bool complete) {
  if (!live) return;
  fclose(live->stream);
  if (complete) unlink(live->path);
  free(live);
}
