/* Golden files (HDF5): one busy period with what PyTorch makes of it. Layout: tests/data/golden/README.md. */
#ifndef TESTS_NN_GOLDEN_H
#define TESTS_NN_GOLDEN_H

#include "nn/m4_inputs.h"

typedef struct golden_file golden_file;

m4_status golden_open(golden_file **file, const char *path, m4_error *err);
void golden_close(golden_file *file); /* NULL accepted */

/* Values of a dataset as doubles, in the file's arena; scalars have one. M4_DATA when it is missing or
 * unreasonably large. */
m4_status golden_read(golden_file *file, const char *name, double **values, int64_t *count, m4_error *err);
bool golden_has(const golden_file *file, const char *name);
/* The busy period of the file, ready for the model. Owned by the file. */
m4_status golden_sample(golden_file *file, m4_sample **sample, m4_error *err);
/* Divisor of the queue loss, and weight of the auxiliary losses. */
m4_status golden_loss_attributes(golden_file *file, int32_t *n_links, double *aux_weight, m4_error *err);

#endif
