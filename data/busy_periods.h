/* Busy periods of flows with known starts and FCTs. Knows dataset.h. Source: training.md 4. */
#ifndef DATA_BUSY_PERIODS_H
#define DATA_BUSY_PERIODS_H

#include "data/dataset.h"

/* Fills the period_* fields in `arena`. Reads name, n_links, n_flows, flow_id, start_ns, fct_ns, path_offset
 * and path_link. A flow that never finishes keeps its component open: no period holds it. M4_DATA for times
 * or links that cannot be. */
m4_status ds_busy_periods(ds_scenario *facts, m4_arena *arena, m4_error *err);

#endif
