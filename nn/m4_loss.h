/* Inside nn/: the loss of one busy period (training.md 8), as numbers and as what a tape needs for its
 * gradient. */
#ifndef NN_M4_LOSS_H
#define NN_M4_LOSS_H

#include "nn/m4_pass.h"

/* What the heads said, in double whatever the model's element type. */
typedef struct nn_predictions {
  double *slowdown; /* [n_flows] */
  double *size;     /* as sample->size_labels; NULL without labels or head */
  double *queue;    /* as sample->queue_labels; NULL without labels or head */
} nn_predictions;

/* Weights of the single absolute errors, and the factors that turn their weighted sums into the three loss
 * parts. */
typedef struct nn_loss_plan {
  m4_fct_form fct_form;
  int32_t n_departures;            /* flows whose departure the sample holds; at least 1 */
  double *flow_weight;             /* [n_flows]; NULL = 1 */
  float *head_target, *head_slope; /* [n_flows] see nn_loss_aim */
  float *size_weight;              /* as sample->size_labels; NULL = 1 */
  float *queue_weight;             /* as sample->queue_labels; NULL = 1 */
  double fct_factor, size_factor, queue_factor;
  double size_log_factor, queue_log_factor; /* of the logged parts */
  double every_factor;                      /* 0 = no readout after every event */
  int32_t *n_readouts;                      /* [n_flows] events a flow is active at */
  double *event_error;                      /* [n_events] sums over the active flows */
} nn_loss_plan;

m4_status nn_predictions_create(nn_predictions *predictions, const m4_model *model, const m4_sample *sample,
                                m4_arena *arena, m4_error *err);
m4_status nn_loss_plan_create(nn_loss_plan *plan, const m4_sample *sample, const m4_loss_options *options,
                              m4_arena *arena, m4_error *err);
/* Once a flow's slowdown is predicted: sets head_target[flow] and head_slope[flow] so that the gradient of
 * head_slope * |head - head_target| is that of the flow's error. m4_slowdown is linear in what the head says.
 */
void nn_loss_aim(nn_loss_plan *plan, const m4_model *model, const m4_sample *sample, int32_t flow,
                 double predicted, const float *fluid);
/* The same for a readout of all active flows of event j: targets and slopes [n_flows of the event], and the
 * event's error. head: what the head said; overwritten. */
void nn_loss_aim_event(nn_loss_plan *plan, const m4_model *model, const m4_sample *sample, int32_t j,
                       double *head, float *targets, float *slopes);
/* Sums in a fixed order: flows ascending, events ascending. `output` (may be NULL) gets the unweighted error
 * sums. */
m4_status nn_loss_evaluate(const nn_predictions *predictions, const nn_loss_plan *plan,
                           const m4_sample *sample, m4_losses *losses, m4_pass_output *output, m4_error *err);

#endif
