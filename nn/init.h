/* Parameter initialisation as PyTorch does it (model.md 4), from Philox: the same seed gives the same weights
 * everywhere. Knows m4.h. */
#ifndef NN_INIT_H
#define NN_INIT_H

#include "nn/m4.h"

void m4_model_init(m4_model *model, uint64_t seed);

#endif
