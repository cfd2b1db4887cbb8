/* The layout of a shard: one table that lists every HDF5 dataset. Writer, reader and data/FORMAT.md follow
 * it; a change here is a new format version. Knows dataset.h, not HDF5. */
#ifndef DATA_SCHEMA_H
#define DATA_SCHEMA_H

#include "data/dataset.h"

#define DS_FORMAT_NAME "m4-dataset"
enum { DS_FORMAT_VERSION = 1, DS_GZIP_LEVEL = 4, DS_MAX_NAME_BYTES = 255, DS_MAX_TEXT_BYTES = 1 << 20 };

/* What the rows of a dataset are: a dataset's first dimension is the number of these in the whole shard. */
typedef enum ds_axis {
  DS_SCENARIOS,
  DS_NAME_BYTES,
  DS_NODES,
  DS_LINKS,
  DS_FLOWS,
  DS_HOPS,     /* path links of all flows */
  DS_EVENTS,   /* 2 per flow */
  DS_RECEIVED, /* values of all received-bytes rows */
  DS_PERIODS,
  DS_MEMBERS,       /* flows of all busy periods */
  DS_MEMBER_EVENTS, /* 2 per member */
  DS_N_AXES         /* also "none" */
} ds_axis;

typedef enum ds_type { DS_U8, DS_I32, DS_I64, DS_F64 } ds_type;

/* X(id, path, type, axis, target, width, unit, field, what)
 * target: the dataset holds offsets [rows + 1] into that axis, first 0, ascending (always int64); DS_N_AXES =
 * plain values. field: the array of ds_scenario; "name" stands for what is not such an array (the name, the
 * parameters and the scenario's own offsets). An offsets dataset comes before the datasets of the axis it
 * points into. */
#define DS_SCHEMA(X)                                                                                         \
  X(NAME_OFFSET, "scenario/name_offset", I64, SCENARIOS, NAME_BYTES, 1, "1", name,                           \
    "first name byte of each scenario")                                                                      \
  X(NODE_OFFSET, "scenario/node_offset", I64, SCENARIOS, NODES, 1, "1", name, "first node of each scenario") \
  X(LINK_OFFSET, "scenario/link_offset", I64, SCENARIOS, LINKS, 1, "1", name, "first link of each scenario") \
  X(FLOW_OFFSET, "scenario/flow_offset", I64, SCENARIOS, FLOWS, 1, "1", name,                                \
    "first flow of each scenario; events: twice this")                                                       \
  X(PERIOD_OFFSET, "scenario/period_offset", I64, SCENARIOS, PERIODS, 1, "1", name,                          \
    "first busy period of each scenario")                                                                    \
  X(UNFINISHED, "scenario/unfinished_flows", I64, SCENARIOS, N_AXES, 1, "flow", name,                        \
    "flows with fct_ns -1")                                                                                  \
  X(PARAMS, "scenario/params", F64, SCENARIOS, N_AXES, M4_N_PARAMS, "mixed", name,                           \
    "configuration vector of the network, raw")                                                              \
  X(NAME, "scenario/name", U8, NAME_BYTES, N_AXES, 1, "utf-8", name, "names, one after another")             \
  X(NODE_IS_SWITCH, "node/is_switch", U8, NODES, N_AXES, 1, "boolean", node_is_switch, "1 switch, 0 host")   \
  X(LINK_FROM, "link/from", I32, LINKS, N_AXES, 1, "node", link_from,                                        \
    "sending node, index within the scenario")                                                               \
  X(LINK_TO, "link/to", I32, LINKS, N_AXES, 1, "node", link_to,                                              \
    "receiving node; links 2i and 2i+1 are one cable")                                                       \
  X(LINK_RATE, "link/rate_bps", I64, LINKS, N_AXES, 1, "bit/s", link_rate_bps, "line rate")                  \
  X(LINK_DELAY, "link/delay_ns", I64, LINKS, N_AXES, 1, "ns", link_delay_ns, "propagation delay")            \
  X(FLOW_ID, "flow/id", I64, FLOWS, N_AXES, 1, "1", flow_id, "flow id, ascending within a scenario")         \
  X(FLOW_SRC, "flow/src", I32, FLOWS, N_AXES, 1, "node", src, "source host")                                 \
  X(FLOW_DST, "flow/dst", I32, FLOWS, N_AXES, 1, "node", dst, "destination host")                            \
  X(FLOW_SIZE, "flow/size_bytes", I64, FLOWS, N_AXES, 1, "byte", size_bytes, "payload of the flow")          \
  X(FLOW_START, "flow/start_ns", I64, FLOWS, N_AXES, 1, "ns", start_ns, "arrival time")                      \
  X(FLOW_FCT, "flow/fct_ns", I64, FLOWS, N_AXES, 1, "ns", fct_ns,                                            \
    "flow completion time, at least ideal_fct_ns; -1 unfinished")                                            \
  X(FLOW_IDEAL, "flow/ideal_fct_ns", I64, FLOWS, N_AXES, 1, "ns", ideal_fct_ns,                              \
    "completion time in an empty network")                                                                   \
  X(FLOW_FLOWSIM, "flow/flowsim_fct_ns", F64, FLOWS, N_AXES, 1, "ns", flowsim_fct_ns,                        \
    "max-min fluid model; -1 unknown")                                                                       \
  X(PATH_OFFSET, "flow/path_offset", I64, FLOWS, HOPS, 1, "1", path_offset, "first hop of each flow")        \
  X(PATH_LINK, "flow/path_link", I32, HOPS, N_AXES, 1, "link", path_link,                                    \
    "link of each hop, index within the scenario")                                                           \
  X(QUEUE_BYTES, "flow/queue_bytes", I64, HOPS, N_AXES, 1, "byte", queue_bytes,                              \
    "queue met by the first data packet; -1 unknown")                                                        \
  X(RECEIVED_OFFSET, "event/received_offset", I64, EVENTS, RECEIVED, 1, "1", received_offset,                \
    "first value of each event's row")                                                                       \
  X(RECEIVED_BYTES, "event/received_bytes", I64, RECEIVED, N_AXES, 1, "byte", received_bytes,                \
    "bytes received by each active flow after the event, flows ascending; -1 unknown")                       \
  X(PERIOD_START, "period/start_ns", I64, PERIODS, N_AXES, 1, "ns", period_start_ns, "first arrival")        \
  X(PERIOD_END, "period/end_ns", I64, PERIODS, N_AXES, 1, "ns", period_end_ns, "last departure")             \
  X(PERIOD_ACTIVE, "period/max_active", I32, PERIODS, N_AXES, 1, "flow", period_max_active,                  \
    "most flows active at one time")                                                                         \
  X(PERIOD_FLOW_OFFSET, "period/flow_offset", I64, PERIODS, MEMBERS, 1, "1", period_flow_offset,             \
    "first member of each period; its events begin at twice this")                                           \
  X(PERIOD_FLOW, "period/flow", I32, MEMBERS, N_AXES, 1, "flow", period_flow,                                \
    "member flows, index within the scenario, ascending")                                                    \
  X(PERIOD_EVENT, "period/event", I64, MEMBER_EVENTS, N_AXES, 1, "event", period_event,                      \
    "events of the members, index within the scenario, ascending")

typedef enum ds_row_id {
#define X(id, ...) DS_ROW_##id,
  DS_SCHEMA(X)
#undef X
      DS_N_ROWS
} ds_row_id;

typedef struct ds_row {
  const char *path;
  ds_type type;
  ds_axis axis, target;
  int width; /* numbers per row: 1, or the second dimension */
  const char *unit;
  size_t field; /* offset of the array pointer in ds_scenario */
  const char *what;
} ds_row;

extern const ds_row ds_schema[DS_N_ROWS];
extern const char *const ds_groups[]; /* NULL-terminated */

size_t ds_type_bytes(ds_type type);
bool ds_is_offsets(const ds_row *row);
/* A part of scenario/: described by an offset, a count or an inline array instead of by an array of
 * ds_scenario. */
bool ds_is_special(const ds_row *row);
/* Rows of one chunk of this dataset. */
int64_t ds_chunk_rows(const ds_row *row);

const void *ds_get_field(const ds_scenario *scenario, const ds_row *row);
void ds_set_field(ds_scenario *scenario, const ds_row *row, const void *values);

/* How many rows each axis has in one scenario. Its offset arrays must be valid. */
void ds_count_axes(const ds_scenario *scenario, int64_t counts[DS_N_AXES]);
/* Hash of all facts of a scenario, chained by `seed`: a shard's content hash starts from 0 and takes its
 * scenarios in order. */
uint64_t ds_scenario_hash(const ds_scenario *scenario, uint64_t seed);

#endif
