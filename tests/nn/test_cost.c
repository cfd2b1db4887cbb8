/* What an event costs, against counts made by hand from the shapes of model.md 2. */
#include "nn/m4_cost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static m4_cost cost_of(m4_widths widths) {
  m4_model *model;
  assert_int_equal(m4_model_create(&model, widths, ag_cpu_backend(AG_F32), NULL), M4_OK);
  m4_cost cost = m4_cost_of(model);
  m4_model_free(model);
  return cost;
}

static void published(void **state) {
  (void)state;
  double graph = (200 * 200 + 2 * 200 * 300) + (300 * 300 + 2 * 300 * 300) + (300 * 300 + 2 * 300 * 200);
  m4_cost cost = cost_of(m4_default_widths());
  assert_true(cost.per_flow == graph + 600 * (1 + 200) + 600 * (200 + 13 + 200) + (14 + 200) * 200 + 200);
  assert_true(cost.per_link == graph + 600 * (1 + 200) + 600 * (200 + 200));
}

/* Hidden 4, graph 5, one layer: what is left out costs nothing; auxiliary heads never count. */
static void parts(void **state) {
  (void)state;
  m4_widths widths = {.hidden = 4, .gcn_hidden = 5, .gcn_layers = 1, .head_hidden = 3, .aux_hidden = 4};
  double graph = 3 * 4 * 4, gru_time = 12 * (1 + 4), head = (14 + 4) * 3 + 3;
  m4_cost whole = cost_of(widths);
  assert_true(whole.per_flow == graph + gru_time + 12 * (4 + 13 + 4) + head);
  assert_true(whole.per_link == graph + gru_time + 12 * (4 + 4));
  widths.has_size_head = widths.has_queue_head = true;
  assert_true(cost_of(widths).per_flow == whole.per_flow);
  widths.n_fluid = M4_N_FLUID;
  assert_true(cost_of(widths).per_flow == whole.per_flow + 4 * 12 + 4 * 3);
  widths.n_fluid = 0;
  widths.without_link_state = true;
  assert_true(cost_of(widths).per_link == graph);
  widths.without_gru = true;
  assert_true(cost_of(widths).per_flow == graph + head);
  widths.without_gru = false;
  widths.gcn_layers = 0;
  assert_true(cost_of(widths).per_flow == whole.per_flow - graph);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published), cmocka_unit_test(parts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
