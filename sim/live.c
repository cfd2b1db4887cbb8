/* Rows as flows complete; see live.h. */
#include "sim/live.h"

#include "base/file.h"
#include "sim/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PATH_BYTES = 4096 };

struct sim_live {
  FILE *stream;
  time_t flushed; /* second of the last flush */
  char path[MAX_PATH_BYTES];
};

static m4_status open_file(sim_live *live, const char *dir, m4_error *err) {
  M4_TRY(m4_dir_make(dir, err));
  M4_TRY(m4_path_join(live->path, sizeof live->path, dir, "flows.partial.csv", err));
  live->stream = fopen(live->path, "we");
  if (!live->stream) return m4_fail(err, M4_IO, live->path, "cannot write: %s", strerror(errno));
  fputs(SIM_FLOWS_CSV_HEADER, live->stream);
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

void sim_live_add(sim_live *live, const sim_scenario *scenario, const sim_result *result, int64_t flow) {
  sim_write_flow_row(live->stream, scenario, result, flow);
  time_t now = time(NULL);
  if (now == live->flushed) return;
  fflush(live->stream);
  live->flushed = now;
}

void sim_live_close(sim_live *live, bool complete) {
  if (!live) return;
  fclose(live->stream);
  if (complete) unlink(live->path);
  free(live);
}
