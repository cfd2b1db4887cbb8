/* Which parameters lie between which units, and from that the numbers of the new model. */
#include "nn/m4_resize.h"

#include "autograd/memory.h"
#include "base/philox.h"
#include "nn/units.h"

#include <math.h>
#include <string.h>

enum { FEATURE_STATES = 4 }; /* m4_state_init_flow, m4_state_init_link */
static const size_t RESERVED_BYTES = (size_t)1 << 28;

typedef enum join_kind { JOIN_SUM, JOIN_GAIN, JOIN_SHIFT } join_kind; /* the last two: of a LayerNorm */

/* A parameter and the units at its ends; its columns may be several times those units (gates of a GRU). */
typedef struct join {
  join_kind kind;
  const ag_param *from;
  ag_param *to;
  const nn_units *in, *out; /* NULL: these inputs or outputs stay as they are */
  int32_t first_in;         /* row of the first unit of `in`; other inputs may lie around them */
} join;

typedef struct resizing {
  const m4_model *from;
  m4_model *to;
  uint64_t seed;
  m4_arena arena;
  nn_units *units; /* [n_units], the states first */
  join *joins;     /* [n_joins] */
  int32_t n_units, n_joins;
} resizing;

/* ---- what is joined ---- */

static nn_units *add_units(resizing *r, int32_t from, int32_t to, int32_t n_pinned, bool normalised) {
  nn_units *units = &r->units[r->n_units++];
  *units = (nn_units){.from = from, .to = to, .n_pinned = n_pinned, .normalised = normalised};
  return units;
}

static void add_join(resizing *r, const ag_param *from, ag_param *to, const nn_units *in,
                     const nn_units *out) {
  r->joins[r->n_joins++] = (join){.from = from, .to = to, .in = in, .out = out};
}

static void join_gru(resizing *r, const m4_gru *from, const m4_gru *to, const nn_units *in) {
  const nn_units *states = &r->units[0];
  if (!from->weight_x) return;
  add_join(r, from->weight_x, to->weight_x, in, states);
  add_join(r, from->weight_h, to->weight_h, states, states);
  add_join(r, from->bias_x, to->bias_x, NULL, states);
  add_join(r, from->bias_h, to->bias_h, NULL, states);
}

static void join_head(resizing *r, const m4_head *from, const m4_head *to, int32_t n_facts) {
  if (!from->weight1) return;
  const nn_units *middle = add_units(r, from->weight1->cols, to->weight1->cols, 0, false);
  add_join(r, from->weight1, to->weight1, &r->units[0], middle);
  r->joins[r->n_joins - 1].first_in = n_facts;
  add_join(r, from->bias1, to->bias1, NULL, middle);
  add_join(r, from->weight2, to->weight2, middle, NULL);
  add_join(r, from->bias2, to->bias2, NULL, NULL);
}

static void join_sage(resizing *r, const m4_sage *from, const m4_sage *to, const nn_units *in,
                      const nn_units *out) {
  const nn_units *messages = add_units(r, in->from, in->to, 0, false);
  add_join(r, from->project, to->project, in, messages);
  add_join(r, from->project_bias, to->project_bias, NULL, messages);
  add_join(r, from->neighbour, to->neighbour, messages, out);
  add_join(r, from->neighbour_bias, to->neighbour_bias, NULL, out);
  add_join(r, from->root, to->root, in, out);
  add_join(r, from->norm_gain, to->norm_gain, NULL, out);
  r->joins[r->n_joins - 1].kind = JOIN_GAIN;
  add_join(r, from->norm_bias, to->norm_bias, NULL, out);
  r->joins[r->n_joins - 1].kind = JOIN_SHIFT;
}

/* Flows and links share their units: the first graph layer reads both through the same weights. */
static void join_all(resizing *r) {
  const m4_model *from = r->from, *to = r->to;
  const m4_widths *w = &from->widths;
  const nn_units *states =
      add_units(r, w->hidden, to->widths.hidden, FEATURE_STATES, /* normalised: */ w->without_gru);
  const nn_units *seen = states;
  for (int32_t i = 0; i < w->gcn_layers; ++i) {
    const nn_units *in = seen;
    bool becomes_state = w->without_gru && i == w->gcn_layers - 1;
    seen = becomes_state ? states : add_units(r, from->sage[i].root->cols, to->sage[i].root->cols, 0, true);
    join_sage(r, &from->sage[i], &to->sage[i], in, seen);
  }
  join_gru(r, &from->flow_rate, &to->flow_rate, seen);
  join_gru(r, &from->flow_time, &to->flow_time, NULL);
  join_gru(r, &from->link_rate, &to->link_rate, seen);
  join_gru(r, &from->link_time, &to->link_time, NULL);
  join_head(r, &from->fct_head, &to->fct_head, M4_N_FACTS + w->n_fluid);
  join_head(r, &from->size_head, &to->size_head, 0);
  join_head(r, &from->queue_head, &to->queue_head, 0);
}

/* ---- which units ---- */

static double get(const ag_param *param, int64_t row, int64_t col) {
  int64_t place = row * param->cols + col;
  return param->dtype == AG_F64 ? ((const double *)param->data)[place]
                                : (double)((const float *)param->data)[place];
}

static void put(ag_param *param, int64_t row, int64_t col, double value) {
  int64_t place = row * param->cols + col;
  if (param->dtype == AG_F64)
    ((double *)param->data)[place] = value;
  else
    ((float *)param->data)[place] = (float)value;
}

/* Adds the squares of the parameter's numbers to the units at either end. */
static void add_squares(const join *j, const nn_units *units, double *incoming, double *outgoing) {
  for (int32_t row = 0; row < j->from->rows; ++row)
    for (int32_t col = 0; col < j->from->cols; ++col) {
      double value = get(j->from, row, col);
      int32_t unit = row - j->first_in;
      if (j->out == units) incoming[col % units->from] += value * value;
      if (j->in == units && unit >= 0 && unit < units->from) outgoing[unit] += value * value;
    }
}

static m4_status plan_units(resizing *r, nn_units *units, m4_error *err) {
  if (units->to >= units->from) return nn_units_plan(units, NULL, &r->arena, err);
  double *importance = m4_arena_calloc(&r->arena, (size_t)units->from, sizeof *importance);
  double *outgoing = m4_arena_calloc(&r->arena, (size_t)units->from, sizeof *outgoing);
  if (!importance || !outgoing) return m4_fail(err, M4_MEMORY, NULL, "no memory for the importance of units");
  for (int32_t i = 0; i < r->n_joins; ++i) add_squares(&r->joins[i], units, importance, outgoing);
  for (int32_t i = 0; i < units->from; ++i) importance[i] *= outgoing[i];
  return nn_units_plan(units, importance, &r->arena, err);
}

/* ---- numbers ---- */

/* One parameter at work. */
typedef struct filling {
  const join *join;
  uint64_t seed;
  uint32_t number;     /* of the join: its stream of random numbers */
  double scale;        /* of columns whose units are normalised */
  int32_t *row_source; /* [to->rows] old row or NN_FRESH_UNIT */
  double *share_sum;   /* [from->rows] */
  double *row_mean;    /* [from->rows] */
} filling;

static int32_t row_source(const join *j, int32_t row) {
  int32_t unit = row - j->first_in;
  if (!j->in || unit < 0) return row;
  if (unit >= j->in->to) return row - j->in->to + j->in->from;
  int32_t source = j->in->source[unit];
  return source == NN_FRESH_UNIT ? NN_FRESH_UNIT : j->first_in + source;
}

static double row_mean(const ag_param *param, int32_t row) {
  double sum = 0;
  for (int32_t col = 0; col < param->cols; ++col) sum += get(param, row, col);
  return sum / param->cols;
}

static double draw(const filling *f, int32_t row, int32_t col) {
  return m4_random_uniform(f->seed, M4_RNG_INIT, f->number,
                           (uint64_t)row * (uint64_t)f->join->to->cols + (uint64_t)col);
}

/* Before scaling: exponential numbers, by which all ways to split are equally likely; never 0. A copy of a
 * state that starts with a feature does not start with it and gets nothing. */
static double share(const filling *f, int32_t row, int32_t col) {
  const join *j = f->join;
  int32_t source = f->row_source[row], unit = source - j->first_in;
  bool copy_of_pinned = j->in && unit >= 0 && unit < j->in->n_pinned && row != source;
  return copy_of_pinned ? 0.0 : 1e-3 - log1p(-draw(f, row, col));
}

/* What the column of the new unit would hold with the old inputs; block: which gate. */
static double old_value(const filling *f, int32_t row, int32_t block, int32_t unit) {
  const join *j = f->join;
  int32_t source = j->out ? j->out->source[unit] : unit;
  if (source == NN_FRESH_UNIT && j->kind != JOIN_SUM) return j->kind == JOIN_GAIN ? 1.0 : 0.0;
  double value = source == NN_FRESH_UNIT ? f->row_mean[row]
                                         : get(j->from, row, block * (j->out ? j->out->from : 0) + source);
  if (j->kind == JOIN_SHIFT) return value;
  return j->kind == JOIN_GAIN ? value / f->scale : value * f->scale;
}

static void fill_column(const filling *f, int32_t col) {
  const join *j = f->join;
  int32_t n_units = j->out ? j->out->to : j->to->cols, block = col / n_units, unit = col % n_units;
  double fresh_bound = 1.0 / sqrt((double)j->to->rows);
  memset(f->share_sum, 0, (size_t)j->from->rows * sizeof *f->share_sum);
  for (int32_t row = 0; row < j->to->rows; ++row)
    if (f->row_source[row] != NN_FRESH_UNIT) f->share_sum[f->row_source[row]] += share(f, row, col);
  for (int32_t row = 0; row < j->to->rows; ++row) {
    int32_t source = f->row_source[row];
    if (source == NN_FRESH_UNIT)
      put(j->to, row, col, fresh_bound * (2.0 * draw(f, row, col) - 1.0));
    else
      put(j->to, row, col, share(f, row, col) / f->share_sum[source] * old_value(f, source, block, unit));
  }
}

/* Fresh units at the mean take nothing from the sum of squares, but count: the others make up for it. */
static double scale_of(const nn_units *out) {
  if (!out || !out->normalised || out->to <= out->from) return 1.0;
  return sqrt((double)out->to / (out->to - out->to % out->from));
}

static m4_status fill(resizing *r, int32_t number, m4_error *err) {
  const join *j = &r->joins[number];
  size_t mark = m4_arena_mark(&r->arena), old_rows = (size_t)j->from->rows;
  filling f = {.join = j, .seed = r->seed, .number = (uint32_t)number, .scale = scale_of(j->out)};
  f.row_source = m4_arena_alloc(&r->arena, (size_t)j->to->rows, sizeof *f.row_source);
  f.share_sum = m4_arena_alloc(&r->arena, old_rows, sizeof *f.share_sum);
  f.row_mean = m4_arena_alloc(&r->arena, old_rows, sizeof *f.row_mean);
  if (!f.row_source || !f.share_sum || !f.row_mean)
    return m4_fail(err, M4_MEMORY, NULL, "no memory for new weights");
  for (int32_t row = 0; row < j->to->rows; ++row) f.row_source[row] = row_source(j, row);
  for (int32_t row = 0; row < j->from->rows; ++row) f.row_mean[row] = row_mean(j->from, row);
  for (int32_t col = 0; col < j->to->cols; ++col) fill_column(&f, col);
  ag_param_refresh(j->to, r->to->backend);
  m4_arena_release(&r->arena, mark);
  return M4_OK;
}

static m4_status resize(resizing *r, m4_error *err) {
  M4_TRY(m4_arena_init(&r->arena, RESERVED_BYTES, err));
  r->units = m4_arena_alloc(&r->arena, 4 + 2 * (size_t)r->from->widths.gcn_layers, sizeof *r->units);
  r->joins = m4_arena_alloc(&r->arena, (size_t)r->from->n_params, sizeof *r->joins);
  if (!r->units || !r->joins) return m4_fail(err, M4_MEMORY, NULL, "no memory for a plan of new weights");
  join_all(r);
  for (int32_t i = 0; i < r->n_units; ++i) M4_TRY(plan_units(r, &r->units[i], err));
  for (int32_t i = 0; i < r->n_joins; ++i) M4_TRY(fill(r, i, err));
  return M4_OK;
}

static bool same_but_for_widths(const m4_widths *a, const m4_widths *b) {
  return a->gcn_layers == b->gcn_layers && a->has_size_head == b->has_size_head &&
         a->has_queue_head == b->has_queue_head && a->without_gru == b->without_gru &&
         a->without_link_state == b->without_link_state && a->n_fluid == b->n_fluid;
}

m4_status m4_resize(const m4_model *from, m4_model *to, uint64_t seed, m4_error *err) {
  if (!ag_on_host(from->backend) || !ag_on_host(to->backend))
    return m4_fail(err, M4_USAGE, NULL, "models on a device cannot be resized");
  if (!same_but_for_widths(&from->widths, &to->widths))
    return m4_fail(err, M4_USAGE, NULL, "the models differ in more than their widths");
  resizing r = {.from = from, .to = to, .seed = seed};
  to->size_feature = from->size_feature;
  to->input_form = from->input_form;
  m4_status status = resize(&r, err);
  m4_arena_free(&r.arena);
  return status;
}
