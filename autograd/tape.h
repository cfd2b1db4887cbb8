/* The inside of a tape, shared by tape.c and tensor.c only. */
#ifndef AG_TAPE_H
#define AG_TAPE_H

#include "autograd/backend.h"
#include "autograd/profile.h"

/* Memory of gradients that backward is through with. */
enum { AG_MOST_SPARES = 64 };
typedef struct ag_spare {
  void *memory;
  size_t bytes;
} ag_spare;

struct ag_tape {
  const ag_backend *backend;
  m4_arena *arena;    /* tensors and nodes (host) */
  m4_arena *elements; /* what they point to, in the backend's memory: arena itself, or `device` */
  m4_arena device;    /* when the host cannot read that memory; its base comes from backend->alloc */
  ag_node *last;      /* newest node; older ones through `previous` */
  ag_spare spares[AG_MOST_SPARES]; /* empty but for the time of a backward pass */
  int n_spares;
  bool recording, check_finite;
  ag_rng_state rng;
  ag_profile *profile; /* NULL: off */
  m4_team *team;       /* NULL: nobody to share with */
  m4_error error;      /* first failure */
};

/* Arena memory; the first failure is kept and `what` named in it. */
void *ag_tape_alloc(ag_tape *tape, m4_arena *arena, int64_t count, size_t size, const char *what);
/* New tensor with uninitialised elements; NULL on failure. */
ag_tensor *ag_tensor_new(ag_tape *tape, int32_t rows, int32_t cols, bool needs_grad, const char *what);
/* The tensor's gradient, zeroed when it is new; a view's lies inside its owner's. NULL on failure. */
void *ag_tensor_grad(ag_tape *tape, ag_tensor *tensor);
/* Nobody needs the tensor's gradient any more: its memory is the next gradients'. */
void ag_tensor_spare_grad(ag_tape *tape, ag_tensor *tensor);

/* share.c: runs a kernel, on several threads when that pays. */
void ag_share_forward(const ag_node *node, m4_team *team);
void ag_share_backward(const ag_node *node, ag_grads *grads, void *scratch, m4_team *team);

/* profile.c: counts a node, or a product of a gradient block, that began then. */
void ag_profile_node(ag_profile *profile, const ag_node *node, bool backward, int64_t begin_ns);
void ag_profile_weights(ag_profile *profile, double flops, int64_t begin_ns);

#endif
