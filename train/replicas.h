/* One model on several devices: the first is trained, the others take its weights when they have changed.
 * Knows nn. */
#ifndef TRAIN_REPLICAS_H
#define TRAIN_REPLICAS_H

#include "nn/m4.h"

typedef struct tr_replicas tr_replicas;

/* `model` is device 0 and stays the caller's; others[n_others]: the backends of devices 1, 2, .... */
m4_status tr_replicas_create(tr_replicas **replicas, const m4_model *model, const ag_backend *const *others,
                             int n_others, m4_error *err);
void tr_replicas_free(tr_replicas *replicas); /* NULL accepted */

int tr_replicas_count(const tr_replicas *replicas); /* devices */
const m4_model *tr_replicas_model(const tr_replicas *replicas, int device);

/* The weights of device 0 have changed. */
void tr_replicas_changed(tr_replicas *replicas);
/* Every device has the weights of device 0; nothing to do unless they have changed. M4_IO: a device failed.
 */
m4_status tr_replicas_refresh(tr_replicas *replicas, m4_error *err);

#endif
