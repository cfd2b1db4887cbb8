/* A busy period as a simulation with the model lives it: flows arrive when they did and leave when the model
 * says so. Training on such samples shows a model the situations that its own errors lead to; training on
 * true departures alone never does. Knows session.h and nn. */
#ifndef INFER_UNFOLD_H
#define INFER_UNFOLD_H

#include "nn/m4_inputs.h"

/* Makes the sample in `arena`: events as the session had them, with components, time steps and link states of
 * its own; the slowdowns to learn stay the true ones, and there are no labels of sizes and queues. forced:
 * the same busy period with its true departures (m4_sample_from_period), whose arrays are shared and must
 * outlive the sample; there are at most as many events as it has. facts need line rates when the model has
 * fluid features. A link has a row for each time that it is in use. M4_NUMERIC: a prediction is not
 * finite. */
m4_status inf_unfold(m4_sample **sample, const m4_model *model, const m4_period *facts,
                     const m4_sample *forced, m4_arena *arena, m4_error *err);
/* Arena bytes that it can need at most. */
size_t inf_unfold_most_bytes(const m4_sample *forced);

#endif
