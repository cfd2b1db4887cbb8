/* Golden files: one busy period with what PyTorch makes of it. Layout: tests/data/golden/README.md. A program
 * links one reader, golden_hdf5.c or golden_flat.c, and golden.c. */
#ifndef TESTS_NN_GOLDEN_H
#define TESTS_NN_GOLDEN_H

#include "nn/m4_inputs.h"

typedef struct golden_file golden_file;

m4_status golden_open(golden_file **file, const char *path, m4_error *err);
void golden_close(golden_file *file); /* NULL accepted */

/* Values of a dataset as doubles, in the file's arena; scalars have one. M4_DATA when it is missing or
 * unreasonably large. */
m4_status golden_read(golden_file *file, const char *name, double **values, int64_t *count, m4_error *err);
m4_status golden_attribute(golden_file *file, const char *name, double *value, m4_error *err);
const char *golden_path(const golden_file *file);
m4_arena *golden_arena(golden_file *file);
/* The model of the file: from weights_path, or from the file itself where it holds weights. */
m4_status golden_model(golden_file *file, m4_model **model, const ag_backend *backend,
                       const char *weights_path, m4_error *err);

/* The busy period of the file, ready for the model. Owned by the file. */
m4_status golden_sample(golden_file *file, m4_sample **sample, m4_error *err);
/* Divisor of the queue loss, and weight of the auxiliary losses. */
m4_status golden_loss_attributes(golden_file *file, int32_t *n_links, double *aux_weight, m4_error *err);

#endif
