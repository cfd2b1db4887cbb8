/* The report of --profile. Knows the crew and autograd's profiles. */
#include "train/profile.h"

#include "base/file.h"

#include <stdio.h>

static void format_row(char *text, size_t bytes, const ag_profile_row *row, int64_t total_ns) {
  char rate[32] = "-";
  if (row->flops > 0) snprintf(rate, sizeof rate, "%.1f", row->flops / (double)row->ns);
  snprintf(text, bytes, "%-17s %-9s %12lld %14.1f %10s %7.1f %%", row->name, row->direction,
           (long long)row->calls, 1e-6 * (double)row->ns, rate, 100.0 * (double)row->ns / (double)total_ns);
}

/* To the log, and to `file` unless it is NULL. */
static void write_table(const ag_profile *profile, FILE *file, m4_log *log) {
  ag_profile_row rows[AG_PROFILE_ROWS];
  char text[160];
  int n = ag_profile_rows(profile, rows);
  int64_t total_ns = 0;
  for (int i = 0; i < n; ++i) total_ns += rows[i].ns;
  snprintf(text, sizeof text, "%-17s %-9s %12s %14s %10s %9s", "op", "", "calls", "ms", "GFLOP/s", "share");
  for (int i = -1; i < n; ++i) {
    if (i >= 0) format_row(text, sizeof text, &rows[i], total_ns);
    m4_info(log, "%s", text);
    if (file) fprintf(file, "%s\n", text);
  }
}

static m4_status write_files(const ag_profile *total, ag_profile *const *profiles, int n, const char *dir,
                             m4_log *log, m4_error *err) {
  char path[4096];
  m4_outfile file;
  M4_TRY(m4_path_join(path, sizeof path, dir, "profile.txt", err));
  M4_TRY(m4_outfile_open(&file, path, err));
  write_table(total, file.stream, log);
  M4_TRY(m4_outfile_commit(&file, err));
  M4_TRY(m4_path_join(path, sizeof path, dir, "trace.json", err));
  return ag_profile_write_trace(profiles, n, path, err);
}

m4_status tr_profile_report(const tr_crew *crew, const char *dir, m4_log *log, m4_error *err) {
  int n;
  ag_profile *const *profiles = tr_crew_profiles(crew, &n);
  ag_profile *total;
  M4_TRY(ag_profile_create(&total, 0, err));
  for (int i = 0; i < n; ++i) ag_profile_merge(total, profiles[i]);
  m4_status status = M4_OK;
  if (dir)
    status = write_files(total, profiles, n, dir, log, err);
  else
    write_table(total, NULL, log);
  ag_profile_free(total);
  return status;
}
