/* THE model: parameters, state tables, one event, the readouts. Training (with a recording tape), m4-test and
 * every simulation (without) call m4_event(); nobody else computes a GRU or a SAGE layer. Knows autograd.
 * Source: model.md. */
#ifndef NN_M4_H
#define NN_M4_H

#include "autograd/autograd.h"

enum {
  M4_N_PARAMS = 13,             /* configuration vector (model.md 8) */
  M4_N_FACTS = 1 + M4_N_PARAMS, /* head input before the state: n_links, then the 13 parameters */
  M4_N_FLUID = 4                /* features of nn/m4_fluid.h */
};

/* Widths; all taken from tensor shapes when weights are loaded. */
typedef struct m4_widths {
  int32_t hidden;      /* H, 200; at least 4 */
  int32_t gcn_hidden;  /* G, 300 */
  int32_t gcn_layers;  /* L, 3; 0 = no graph layers: a node's own state is the input of its rate GRU */
  int32_t head_hidden; /* middle width of the FCT head, H */
  int32_t aux_hidden;  /* middle width of the auxiliary heads, H */
  bool has_size_head, has_queue_head;
  bool without_gru;        /* no GRUs: what the graph layers say of a node is its next state; no time steps */
  bool without_link_state; /* no link GRUs: links stay in their first state */
  int32_t
      n_fluid; /* 0 (published) or M4_N_FLUID: inputs after the parameters of the rate GRU and the FCT head */
} m4_widths;
m4_widths m4_default_widths(void); /* the published model with both auxiliary heads */

typedef struct m4_gru {
  ag_param *weight_x, *weight_h, *bias_x, *bias_h;
} m4_gru; /* [in,3H] [H,3H] [1,3H] [1,3H] */
typedef struct m4_head {
  ag_param *weight1, *bias1, *weight2, *bias2;
} m4_head; /* [in,M] [1,M] [M,1] [1,1] */
typedef struct m4_sage {
  ag_param *project, *project_bias, *neighbour, *neighbour_bias, *root, *norm_gain, *norm_bias;
} m4_sage;

typedef enum m4_size_feature { M4_SIZE_KILOBYTES, M4_SIZE_BYTES } m4_size_feature;

/* How features reach the network. Raw: as model.md says (the published model). Scaled: every feature divided
 * by its usual magnitude and the time step on a logarithmic scale, which trains faster. */
typedef enum m4_input_form { M4_INPUTS_RAW, M4_INPUTS_SCALED } m4_input_form;

typedef struct m4_model {
  m4_widths widths;
  m4_size_feature size_feature; /* stored in the checkpoint */
  m4_input_form input_form;     /* likewise */
  const ag_backend *backend;
  int32_t n_params;
  ag_param **params; /* in the order of the reference's optimiser state (model.md 2): rate GRU, time GRU, FCT
                        head, SAGE 0..L-1, link rate GRU, link time GRU, size head, queue head; names are the
                        reference's state_dict names */
  m4_gru flow_rate, flow_time, link_rate, link_time; /* unset where the model has no such GRU */
  m4_sage *sage;                                     /* [gcn_layers] */
  m4_head fct_head, size_head, queue_head;
} m4_model;

/* Parameters are zero until initialised (nn/init.h) or loaded (nn/weights.h). */
m4_status m4_model_create(m4_model **model, m4_widths widths, const ag_backend *backend, m4_error *err);
void m4_model_free(m4_model *model);
int64_t m4_model_count(const m4_model *model); /* numbers in all parameters: 1,501,003 for the default */

/* States of the flows and links of one busy period or simulation, plus what never changes about a flow. */
typedef struct m4_state {
  ag_table flows;  /* h [F, H] */
  ag_table links;  /* z [L, H] */
  ag_table facts;  /* [F, 14]: n_links, 13 parameters; constant, read by the FCT head */
  ag_table params; /* [F, 13]: the parameters alone; constant, read by the rate GRU */
  void *memory;    /* of all tables, where it is a device's */
} m4_state;

/* Zeroed tables (element type of the backend) from `arena`, or in the memory of a device, which m4_state_free
 * gives back. */
m4_status m4_state_create(m4_state *state, const m4_model *model, m4_arena *arena, int32_t n_flows,
                          int32_t n_links, m4_error *err);
void m4_state_free(m4_state *state, const m4_model *model); /* zeroed structs are accepted */
/* Initial rows (model.md 5). params: 13 floats. On a device one small upload for each table. */
void m4_state_init_flow(m4_state *state, const m4_model *model, int32_t row, float size_feature,
                        int32_t n_links, const float *params);
void m4_state_init_link(m4_state *state, const m4_model *model, int32_t row);

/* The same for many flows at once: m4_first_row makes one flow's values on the host, and m4_state_start puts
 * the blocks, which lie in the backend's memory, into these rows (one op for each table). */
typedef struct m4_first_rows {
  const float *states; /* [n, H] */
  const float *facts;  /* [n, M4_N_FACTS] */
  const float *params; /* [n, M4_N_PARAMS] */
} m4_first_rows;
void m4_first_row(const m4_model *model, float size_feature, int32_t n_links, const float *params,
                  float *state, float *facts, float *scaled_params);
void m4_first_link_row(const m4_model *model, float *state); /* of any link */
void m4_state_start(m4_state *state, ag_tape *tape, const int32_t *rows, int32_t n, m4_first_rows values);

/* One event as data (design.md "An event is data"). Flow rows ascending, then link rows ascending, are nodes
 * 0..n_flows+n_links-1; neighbours in CSR: of a flow its links in path order, of a link its flows ascending.
 * The graph is symmetric: the same CSR serves backward. Arrays are plain int32/float32 and lie in the
 * backend's memory. Events of scenarios that know nothing of each other may be one event: rows, nodes and
 * edges of all of them, and time_steps. */
typedef struct m4_event_data {
  int32_t n_flows, n_links, n_edges; /* n_edges: (flow, link) pairs; the CSR has 2 * n_edges entries */
  const int32_t *flow_rows;          /* [n_flows] rows of state.flows */
  const int32_t *link_rows;          /* [n_links] rows of state.links */
  const int32_t *neighbour_offset;   /* [n_flows + n_links + 1] */
  const int32_t *neighbour_index;    /* [2 * n_edges] node numbers */
  double dt_us;                      /* time step of all rows; no time GRU when <= 0 */
  /* Or, when not NULL, time steps row by row, [n_timed_flows + n_timed_links] as m4_time_feature tells them:
   * of the first flows, then of the first links. The others have no time GRU. */
  const float *time_steps;
  int32_t n_timed_flows, n_timed_links;
  const float *fluid; /* [n_flows, M4_N_FLUID]; NULL unless widths.n_fluid */
  /* Supervision, read after the time step (model.md 6 step 3); all zero/NULL in simulation. */
  int32_t n_size_labels;    /* 0 or n_flows */
  const float *size_labels; /* [n_flows] remaining ratio of each active flow */
  int32_t n_queue_labels;
  const int32_t *queue_rows; /* [n_queue_labels] rows of state.links; may repeat */
  const float *queue_labels; /* [n_queue_labels] cube-root units */
} m4_event_data;

/* A time step > 0 as the time GRUs read it. */
float m4_time_feature(const m4_model *model, double dt_us);

/* What the auxiliary heads say at one event; NULL where the event has no labels or the model no such head. */
typedef struct m4_event_aux {
  ag_tensor *size_prediction;  /* [n_flows, 1] remaining ratios */
  ag_tensor *queue_prediction; /* [n_queue_labels, 1] cube-root units */
} m4_event_aux;

/* Advances the touched rows by one event. dropout: probability inside the heads (0 in evaluation). aux may be
 * NULL (no readouts). Nothing happens when no flow is active. Errors through the tape's sticky status. */
void m4_event(const m4_model *model, ag_tape *tape, m4_state *state, const m4_event_data *event,
              double dropout, m4_event_aux *aux);

/* FCT head on rows of state.flows: [n, 1], not clamped (model.md 6, 7); m4_slowdown() makes slowdowns of it.
 * fluid: [n_rows, M4_N_FLUID] of each flow's last event, NULL unless widths.n_fluid. */
ag_tensor *m4_readout(const m4_model *model, ag_tape *tape, m4_state *state, const int32_t *flow_rows,
                      int32_t n_rows, const float *fluid, double dropout);
/* Predicted slowdown from what the head says: that itself, or with fluid features (one flow's) the fluid's
 * estimate times 1 + head. */
double m4_slowdown(const m4_model *model, double head, const float *fluid);

#endif
