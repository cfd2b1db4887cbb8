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
  double *flow_weight;             /* [n_flows]; NULL = 1 */
  float *head_target, *head_slope; /* [n_flows] see nn_loss_aim */
  float *size_weight;              /* as sample->size_labels; NULL = 1 */
  float *queue_weight;             /* as sample->queue_labels; NULL = 1 */
  double fct_factor, size_factor, queue_factor;
  double size_log_factor, queue_log_factor; /* of the logged parts */
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
/* Sums in a fixed order: flows ascending, events ascending. `output` (may be NULL) gets the unweighted error
 * sums. */
m4_status nn_loss_evaluate(const nn_predictions *predictions, const nn_loss_plan *plan,
                           const m4_sample *sample, m4_losses *losses, m4_pass_output *output, m4_error *err);

#endif
