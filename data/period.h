/* The facts of one busy period, cut out of its scenario. Knows the cache's loaded scenarios. */
#ifndef DATA_PERIOD_H
#define DATA_PERIOD_H

#include "data/cache.h"

/* Period number `segment` of the scenario into `arena`: what ds_read_period returns. */
m4_status ds_extract_period(const ds_loaded *loaded, int64_t segment, m4_arena *arena, m4_period *facts,
                            const double **flowsim_fct_ns, m4_error *err);

#endif
