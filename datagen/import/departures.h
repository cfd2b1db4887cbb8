/* Departures that are all known before the first packet. Knows recorder. */
#ifndef DATAGEN_IMPORT_DEPARTURES_H
#define DATAGEN_IMPORT_DEPARTURES_H

#include "datagen/recorder.h"
#include "sim/scenario.h"

/* Announces the end of every flow that has a truth_fct_ns. */
m4_status dg_announce_departures(const sim_scenario *scenario, dg_recorder *recorder, m4_error *err);

#endif
