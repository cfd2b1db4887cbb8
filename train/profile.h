/* --profile: a table of the time per op on the log and in profile.txt, and trace.json for Perfetto or
 * chrome://tracing, both in the run folder. Knows the crew. */
#ifndef TRAIN_PROFILE_H
#define TRAIN_PROFILE_H

#include "base/log.h"
#include "train/batch.h"

/* Of everything a profiled crew (tr_crew_profile) has computed. dir NULL: only the log. */
m4_status tr_profile_report(const tr_crew *crew, const char *dir, m4_log *log, m4_error *err);

#endif
