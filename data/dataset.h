/* The dataset: raw facts of scenarios in HDF5 shards, written by datagen, read by training and tests. No
 * features here: features are derived by nn/m4_inputs. Knows nn (m4_period), base and HDF5. Layout:
 * data/FORMAT.md. Source: contracts "Dataset", training.md 5, 6. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include "nn/m4_inputs.h"

/* All facts of one scenario, flat arrays with offsets. Flow order: ascending flow id; indices below are
 * positions in that order. Unfinished flows have fct_ns -1 (such scenarios are skipped by the sampler,
 * training.md 6.2) and depart after every other event. No array may be NULL; what is unknown is -1
 * (flowsim_fct_ns, queue_bytes, received_bytes) or an empty row (received). */
typedef struct ds_scenario {
  const char *name;
  double params[M4_N_PARAMS];
  /* topology */
  int32_t n_nodes, n_links;
  const uint8_t *node_is_switch;      /* [n_nodes] */
  const int32_t *link_from, *link_to; /* [n_links]; links 2i and 2i+1 are the two directions of cable i */
  const int64_t *link_rate_bps, *link_delay_ns; /* [n_links] */
  /* flows */
  int64_t n_flows;
  const int64_t *flow_id, *size_bytes, *start_ns, *fct_ns, *ideal_fct_ns; /* [n_flows]; fct raised to ideal */
  const int32_t *src, *dst;                                               /* [n_flows] */
  const double *flowsim_fct_ns; /* [n_flows] base delay included (simulation.md 6.4) */
  const int64_t *path_offset;   /* [n_flows + 1] */
  const int32_t *path_link;     /* link ids in path order */
  const int64_t *queue_bytes;   /* parallel to path_link; -1 = unknown */
  /* events: 2 * n_flows in (time, departures first, flow) order; rows of every active flow after the event,
   * ascending; an empty row is "not recorded", a single 0 is accepted for "nobody active" */
  const int64_t *received_offset; /* [2 * n_flows + 1] */
  const int64_t *received_bytes;
  /* busy periods (training.md 4) */
  int64_t n_periods;
  const int64_t *period_flow_offset;              /* [n_periods + 1] */
  const int32_t *period_flow;                     /* flow indices ascending */
  const int64_t *period_event_offset;             /* [n_periods + 1]; 2 x the flows */
  const int64_t *period_event;                    /* event indices ascending */
  const int64_t *period_start_ns, *period_end_ns; /* [n_periods] */
  const int32_t *period_max_active; /* [n_periods] largest number of concurrently active flows */
} ds_scenario;

/* ---- writing: one shard file, scenarios appended in order, published atomically ---- */
typedef struct ds_writer ds_writer;
/* generator: program and version; config: resolved YAML of the campaign; both stored as root attributes. */
m4_status ds_writer_create(ds_writer **writer, const char *path, uint64_t seed, const char *generator,
                           const char *config, m4_error *err);
m4_status ds_writer_add(ds_writer *writer, const ds_scenario *scenario,
                        m4_error *err); /* validates first; copies to disk */
m4_status ds_writer_commit(ds_writer *writer,
                           m4_error *err); /* finishes and renames; frees the writer whatever happens */
void ds_writer_abandon(ds_writer *writer); /* removes the temporary; NULL accepted */

/* ---- reading ---- */
typedef struct ds_dataset ds_dataset;

/* What is known of a busy period without reading its arrays. */
typedef struct ds_period_info {
  int32_t scenario; /* global scenario index */
  int32_t segment;  /* period number within the scenario */
  int32_t n_flows;
  int32_t max_active;
} ds_period_info;

/* path: one shard, or a folder with *.h5 shards (sorted by name). Only the layout we write is accepted:
 * names, ranks, types, filters, versions, units are checked; everything else in the file is refused. M4_DATA
 * names file and dataset. */
m4_status ds_open(ds_dataset **dataset, const char *path, m4_error *err);
void ds_close(ds_dataset *dataset);
int32_t ds_n_shards(const ds_dataset *dataset);
int32_t ds_n_scenarios(const ds_dataset *dataset);
const char *ds_scenario_name(const ds_dataset *dataset, int32_t scenario); /* unique in the data set */
int32_t ds_find_scenario(const ds_dataset *dataset, const char *name);     /* -1: no such name */
bool ds_scenario_usable(const ds_dataset *dataset, int32_t scenario); /* every flow finished, ids unique */
int64_t ds_scenario_first_period(const ds_dataset *dataset, int32_t scenario); /* the others follow */
int64_t ds_n_periods(const ds_dataset *dataset);
ds_period_info ds_period(const ds_dataset *dataset, int64_t period);
/* xxhash of names, sizes and stored checksums of all shards, as 16 hex digits: goes into checkpoints. */
const char *ds_hash(const ds_dataset *dataset);

/* Facts of one busy period into `arena`: received rows already restricted to the period's events and flows.
 * flowsim_fct_ns [n_flows] and links' global ids come beside (may be NULL). Thread-safe (HDF5 calls are
 * serialised inside). */
m4_status ds_read_period(ds_dataset *dataset, int64_t period, m4_arena *arena, m4_period *facts,
                         const double **flowsim_fct_ns, m4_error *err);
/* All facts of a scenario into `arena`. */
m4_status ds_read_scenario(ds_dataset *dataset, int32_t scenario, m4_arena *arena, ds_scenario *facts,
                           m4_error *err);
/* The same but for received_bytes, which is most of the reading and NULL here. */
m4_status ds_read_summary(ds_dataset *dataset, int32_t scenario, m4_arena *arena, ds_scenario *facts,
                          m4_error *err);

#endif
