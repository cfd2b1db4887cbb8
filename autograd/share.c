/* Ops on several threads. The ops whose result rows depend on the same rows of their inputs are cut by rows
 * into parts, each run by the op's ordinary kernel; segment sums are cut by the rows they write. Every row
 * gets the bits it gets in one piece (ag_backend.row_bits), and gradients of parameters are added afterwards
 * in the order of the rows. Knows the shapes of nodes; no arithmetic. */
#include "autograd/grads.h"
#include "autograd/tape.h"

/* Of a part. Fewer than LEAST_ROWS leave the multipliers idle; where rows abound, two parts for everybody
 * even out who comes late. */
enum { MOST_PARTS = 32, LEAST_ROWS = 3, GOOD_ROWS = 8 };

/* A node that is restricted to some rows, with the tensors it points to. */
typedef struct piece {
  ag_node node;
  ag_tensor in[2], out;
} piece;

typedef struct shared_op {
  const ag_node *node;
  unsigned char *scratch;
  int32_t n_rows;
  int n_parts;
  ag_grads grads[MOST_PARTS]; /* backward: what each part wants added */
} shared_op;

/* ---- what to share ---- */

static bool cut_by_rows(ag_op op) {
  return op == AG_OP_linear || op == AG_OP_linear_relu || op == AG_OP_linear2 || op == AG_OP_gru_cell ||
         op == AG_OP_layer_norm || op == AG_OP_dropout;
}

/* About the nanoseconds of one row: the products with the parameters, and passes over the result. */
static double row_cost_ns(const ag_node *node) {
  double cost = (node->op == AG_OP_dropout ? 3 : 0.3) * node->out->cols;
  for (int i = 0; i < 4; ++i)
    if (node->param[i] && node->param[i]->rows > 1)
      cost += 0.01 * node->param[i]->rows * (double)node->param[i]->cols;
  return cost;
}

static int count_parts(const ag_node *node, int32_t n_rows, m4_team *team) {
  const double worth_sharing_ns = 4000;
  int n_parts = m4_team_helpers(team) + 1;
  if (n_parts == 1 || !node->backend->row_bits || n_rows * row_cost_ns(node) < worth_sharing_ns) return 1;
  if (n_rows >= 2 * n_parts * GOOD_ROWS) n_parts *= 2;
  if (n_parts > n_rows / LEAST_ROWS) n_parts = n_rows / LEAST_ROWS;
  return n_parts < MOST_PARTS ? n_parts : MOST_PARTS;
}

/* ---- pieces ---- */

static unsigned char *at(void *memory, const ag_node *node, int64_t element) {
  return memory ? (unsigned char *)memory + element * (int64_t)ag_element_bytes(node->backend) : NULL;
}

static ag_tensor *cut_tensor(ag_tensor *copy, const ag_tensor *tensor, const ag_node *node, int32_t first,
                             int32_t n_rows) {
  if (!tensor) return NULL;
  *copy = *tensor;
  copy->rows = n_rows;
  copy->data = at(tensor->data, node, (int64_t)first * tensor->cols);
  copy->grad = at(tensor->grad, node, (int64_t)first * tensor->cols);
  return copy;
}

static void cut_rows(piece *p, const ag_node *node, int32_t first, int32_t n_rows) {
  p->node = *node;
  for (int i = 0; i < 2; ++i) p->node.in[i] = cut_tensor(&p->in[i], node->in[i], node, first, n_rows);
  p->node.out = cut_tensor(&p->out, node->out, node, first, n_rows);
  int64_t saved_per_row = node->n_saved / node->out->rows;
  p->node.saved = at(node->saved, node, saved_per_row * first);
  p->node.n_saved = saved_per_row * n_rows;
  p->node.rng.next_index += (uint64_t)first * (uint64_t)node->out->cols; /* dropout: a number per element */
}

/* The rows of a segment sum that forward, or backward, writes. */
static void cut_sums(piece *p, const ag_node *node, bool backward, int32_t first, int32_t n_rows) {
  p->node = *node;
  p->node.index[backward ? 2 : 0] += first;
  if (backward)
    p->node.in[0] = cut_tensor(&p->in[0], node->in[0], node, first, n_rows);
  else
    p->node.out = cut_tensor(&p->out, node->out, node, first, n_rows);
}

static int32_t border(const shared_op *op, int part) {
  return (int32_t)((int64_t)op->n_rows * part / op->n_parts);
}

static void cut(piece *p, const shared_op *op, bool backward, int part) {
  int32_t first = border(op, part), n_rows = border(op, part + 1) - first;
  if (op->node->op == AG_OP_segment_sum)
    cut_sums(p, op->node, backward, first, n_rows);
  else
    cut_rows(p, op->node, first, n_rows);
}

/* ---- running ---- */

static void forward_part(void *arg, int part) {
  const shared_op *op = arg;
  piece p;
  cut(&p, op, false, part);
  p.node.backend->kernels[p.node.op].forward(&p.node);
}

static void backward_part(void *arg, int part) {
  shared_op *op = arg;
  piece p;
  cut(&p, op, true, part);
  void *scratch = at(op->scratch, op->node, op->node->n_scratch / op->n_rows * border(op, part));
  p.node.backend->kernels[p.node.op].backward(&p.node, &op->grads[part], scratch);
}

static bool can_share(const ag_node *node) {
  return cut_by_rows(node->op) || node->op == AG_OP_segment_sum;
}

void ag_share_forward(const ag_node *node, m4_team *team) {
  int n_parts = can_share(node) ? count_parts(node, node->out->rows, team) : 1;
  if (n_parts < 2) {
    node->backend->kernels[node->op].forward(node);
    return;
  }
  shared_op op;
  op.node = node;
  op.n_rows = node->out->rows;
  op.n_parts = n_parts;
  m4_team_run(team, n_parts, forward_part, &op);
}

void ag_share_backward(const ag_node *node, ag_grads *grads, void *scratch, m4_team *team) {
  int n_parts = can_share(node) ? count_parts(node, node->in[0]->rows, team) : 1;
  if (n_parts < 2) {
    node->backend->kernels[node->op].backward(node, grads, scratch);
    return;
  }
  shared_op op;
  op.node = node;
  op.scratch = scratch;
  op.n_rows = node->in[0]->rows;
  op.n_parts = n_parts;
  for (int part = 0; part < n_parts; ++part) op.grads[part] = (ag_grads){.remembers = true};
  m4_team_run(team, n_parts, backward_part, &op);
  ag_grads_add_parts(grads, op.grads, n_parts);
}
