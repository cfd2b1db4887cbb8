/* Pictures of one validation sample for the journal: what the auxiliary heads say beside the truth. Knows the
 * run. */
#ifndef TRAIN_PICTURE_H
#define TRAIN_PICTURE_H

#include "train/run.h"

/* Remaining sizes of a few flows and the queue of one link over time, at the state's step. Nothing happens
 * without validation samples or labels. */
m4_status tr_draw_example(tr_run *run, m4_error *err);

#endif
