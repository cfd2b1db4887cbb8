/* Inside nn/: what the heads say during a pass, and what that means for the loss. Readings are noted as they
 * come and judged together, so that a device is waited for once in a segment, not at every event. */
#ifndef NN_M4_READINGS_H
#define NN_M4_READINGS_H

#include "nn/m4_loss.h"

typedef enum nn_reading_kind {
  NN_DEPARTING_FLOW, /* the FCT head on the flow of the event */
  NN_ACTIVE_FLOWS,   /* the FCT head on all flows of the event */
  NN_SIZES,
  NN_QUEUES
} nn_reading_kind;

typedef struct nn_reading {
  nn_reading_kind kind;
  int32_t event;
  ag_tensor *head;
  int64_t first; /* place of its values */
  int32_t n;
} nn_reading;

typedef struct nn_readings {
  const m4_model *model;
  const m4_sample *sample;
  nn_predictions predictions;
  nn_loss_plan loss;
  double scale; /* of all gradients */
  nn_reading *items;
  int64_t count, n_values;
  /* [most values], the tape's type: first what the heads said, then its gradients. In the backend's memory
   * and on the host; the same where that is one. */
  char *there, *here;
  double *heads; /* [most active flows] of the event being judged, and two arrays for its aims */
  float *targets, *slopes;
} nn_readings;

/* Memory from the tape and its arena. */
m4_status nn_readings_create(nn_readings *readings, const m4_model *model, const m4_sample *sample,
                             const m4_loss_options *options, double scale, ag_tape *tape, m4_error *err);
/* Bytes that takes at most. */
double nn_readings_most_bytes(const m4_model *model, const m4_sample *sample);

/* Notes what a head said; NULL: nothing. On the host the tensor must live until it is judged, on a device
 * only if the tape records. */
void nn_readings_note(nn_readings *readings, nn_reading_kind kind, int32_t event, ag_tensor *head);
/* Takes what was noted into the predictions and, when the tape records, seeds the gradients. Errors are the
 * tape's. */
void nn_readings_judge(nn_readings *readings, ag_tape *tape);

#endif
