/* Received bytes and queues from the reference's arrays into a recorder. Knows recorder and arrays. Source:
 * training.md 5, 6.1. */
#ifndef DATAGEN_IMPORT_NPY_ROWS_H
#define DATAGEN_IMPORT_NPY_ROWS_H

#include "datagen/import/npy_arrays.h"
#include "datagen/recorder.h"

/* The values of each flow in `queues`, for flows whose number of values is that of their hops; M4_DATA
 * otherwise. Flow ids are positions in the facts. */
m4_status dg_npy_queues(dg_recorder *recorder, const dg_npy_arrays *arrays, m4_error *err);

/* The rows of all events, once every departure is announced: a value of the event's own busy period where its
 * row has one for each active flow of the period, -1 for the flows of other periods. A row of another length
 * counts as not recorded; *n_odd says how many there are. M4_DATA: not two rows per flow, a flow in two
 * periods. */
m4_status dg_npy_rows(dg_recorder *recorder, const dg_npy_arrays *arrays, int64_t *n_odd, m4_error *err);

#endif
