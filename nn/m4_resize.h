/* The same model at other widths: a trained small one is where the training of a large one starts, and the
 * other way round. Knows m4.h and units. Source: Net2Net (nn/units.h). */
#ifndef NN_M4_RESIZE_H
#define NN_M4_RESIZE_H

#include "nn/m4.h"

/* Fills the parameters of `to`, and takes over the form of inputs. Any of the widths may differ; M4_USAGE
 * when anything else does, or when a model is on a device. Same seed, same bits.
 *
 * Wider: predictions stay the same up to rounding. New units are copies of old ones with the same incoming
 * weights; every outgoing weight is split among the copies in random shares of its own (all splits equally
 * likely), so that copies get gradients of different directions: one share for a whole unit would only scale
 * them, which Adam does not see. States 0..3 start with features and have no copies (in models without GRUs,
 * or with no other states: copies without a share); all other states start at 0. Units behind a LayerNorm are
 * copied equally often, which changes neither mean nor variance. Those left over (to mod from) are fresh:
 * they carry the mean of all units, 0 after normalisation, and start with the outgoing weights of an
 * untrained model; the others are scaled by sqrt(to / copies), and their gains back, so that the variance is
 * what it was.
 *
 * Narrower: the units with the smallest product of the norms of incoming and outgoing weights are left out.
 * Predictions change; training has to mend them. */
m4_status m4_resize(const m4_model *from, m4_model *to, uint64_t seed, m4_error *err);

#endif
