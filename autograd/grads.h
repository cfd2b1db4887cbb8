/* The inside of ag_grads, shared by grads.c and share.c only. */
#ifndef AG_GRADS_H
#define AG_GRADS_H

#include "autograd/backend.h"
#include "autograd/profile.h"

/* The open block of one parameter. A matrix keeps the rows of x and dy; a vector only the sum of its block.
 */
typedef struct ag_stage {
  unsigned char *x;  /* [AG_WGRAD_BLOCK_ROWS, in]; NULL for a vector */
  unsigned char *dy; /* [AG_WGRAD_BLOCK_ROWS, out]; a vector: [1, out] */
  int32_t n_rows;    /* rows in the block so far */
} ag_stage;

/* Rows for the gradient of one parameter; x NULL: column sums of dy. */
typedef struct ag_addition {
  const ag_param *param;
  const void *x, *dy;
  int32_t n_rows;
} ag_addition;
enum { AG_MOST_ADDITIONS = 4 }; /* of one op: it has no more parameters */

struct ag_grads {
  const ag_backend *backend;
  m4_team *team;
  ag_profile *profile; /* NULL: off */
  const ag_param **params;
  ag_stage *stages;
  unsigned char **gradients; /* into all */
  int64_t *counts;           /* [n_params] elements of each */
  unsigned char *all, *staging;
  int64_t n_elements, n_staged;
  int32_t n_params;
  /* One part of an op that is cut by rows gets a stand-in, which only remembers what to add. */
  bool remembers;
  int n_additions;
  ag_addition additions[AG_MOST_ADDITIONS];
};

/* Adds what the parts of one op have remembered, as if the op had not been cut. grads may be NULL. */
void ag_grads_add_parts(ag_grads *grads, const ag_grads *parts, int n_parts);

#endif
