/* A whole busy period through the model, teacher-forced: predictions, losses, gradients by segments with
 * recomputation. Knows m4_inputs and autograd. Source: model.md 6, training.md 8, design.md "State tables".
 */
#ifndef NN_M4_PASS_H
#define NN_M4_PASS_H

#include "autograd/profile.h"
#include "nn/m4_inputs.h"

/* Error of one flow's slowdown: |predicted - true| / true (training.md 8), or |log predicted - log true|,
 * which punishes a slowdown predicted at half as much as one predicted at double. */
typedef enum m4_fct_form { M4_FCT_RELATIVE, M4_FCT_LOG } m4_fct_form;

/* Predictions are not bounded: below this slowdown the logarithm goes on along its tangent, so that a fresh
 * model, whose predictions are about 0, has a gradient. */
#define M4_LOG_FLOOR 0.5

typedef struct m4_loss_options {
  bool averaged;                    /* false: loss: reference */
  double weight_size, weight_queue; /* 0.005 (reference) or 0.1 (averaged) */
  int32_t link_slots;               /* 96: divisor of the queue loss */
  double dropout;                   /* inside the heads */
  m4_fct_form fct_form;
  double
      weight_every; /* of the errors of what would be predicted after every event, mean over a flow's events:
                       a simulation acts on those too; 0 = only the last prediction counts (published) */
  bool auxiliary_only; /* slowdowns do not count, only sizes and queues */
  double tail_weight;  /* a: flows weigh as (true slowdown)^a, mean 1 in the period; 0 = all the same */
} m4_loss_options;
m4_loss_options m4_default_loss(void);

/* total is the sum with the weights of the options. size and queue are weighted under loss: reference,
 * unweighted under loss: averaged (training.md 8). error is the mean of |predicted - true| / true whatever
 * the form and weights of fct: the number to compare trainings by. every is weighted; 0
 * without weight_every. */
typedef struct m4_losses {
  double total, fct, size, queue, error, every;
} m4_losses;

/* What a forward pass can give back; NULL fields are not wanted. Caller-owned arrays. */
typedef struct m4_pass_output {
  float *slowdown;         /* [n_flows] raw head output */
  float *size_prediction;  /* as sample->size_labels; 0 where a row is not supervised or the model has no such
                              head */
  float *queue_prediction; /* as sample->queue_labels */
  double *size_error_sum;  /* [n_flows] */
  double *queue_error_sum; /* [n_links], link rows */
} m4_pass_output;

/* Memory for passes: one arena and one tape; one per thread, reused for any sample. */
typedef struct m4_workspace m4_workspace;
/* budget_bytes bounds the tape of one segment, gradients included: segments are as long as it allows, at
 * least one event. 0 = whole sample in one segment (no recomputation). What comes on top: the state tables,
 * the rows saved at segment borders, and ag_grads. Measures what an event of this model costs. */
m4_status m4_workspace_create(m4_workspace **workspace, const m4_model *model, size_t budget_bytes,
                              m4_error *err);
void m4_workspace_free(m4_workspace *workspace); /* NULL accepted */
/* From now on idle threads of the pool (NULL = none) help inside every pass; the bits stay the same. */
void m4_workspace_share(m4_workspace *workspace, m4_pool *pool);
/* Passes are counted from now on (NULL = off). */
void m4_workspace_profile(m4_workspace *workspace, ag_profile *profile);
/* When on, every value an op makes is checked: M4_NUMERIC names the first op that fails. Default off. */
void m4_workspace_check_finite(m4_workspace *workspace, bool on);
/* Most memory a pass has used so far. */
size_t m4_workspace_peak_bytes(const m4_workspace *workspace);
/* Segments of the last m4_pass_gradients. */
int32_t m4_workspace_segments(const m4_workspace *workspace);

/* Forward only, without dropout. M4_NUMERIC when the loss is not finite. losses and output may be NULL. */
m4_status m4_pass_forward(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                          const m4_loss_options *options, m4_losses *losses, m4_pass_output *output,
                          m4_error *err);

/* Forward, backward: adds scale * d(total)/d(parameter) to grads (ag_grads_finish is called). rng: dropout
 * stream of this sample. The bits of losses and gradients do not depend on the budget. M4_NUMERIC when the
 * loss is not finite; grads is spoilt after an error. */
m4_status m4_pass_gradients(m4_workspace *workspace, const m4_model *model, const m4_sample *sample,
                            const m4_loss_options *options, double scale, ag_rng_state rng, ag_grads *grads,
                            m4_losses *losses, m4_pass_output *output, m4_error *err);

#endif
