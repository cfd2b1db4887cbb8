/* The library for other programs: the same results as the engine, timers and clock, callbacks that add flows,
 * links that change. Misuse: test_api_misuse.c. */
#include "sim/engine.h"
#include "sim/learned/learned.h"
#include "sim/scenario_parts.h"
#include "tests/sim/api/api_test.h"

/* ---- the same flows through the engine and through the library ---- */

enum { FLOWS = 150 };

typedef struct replay {
  m4_sim sim;
  const sim_scenario *scenario;
  int64_t next;
  double fct_ns[FLOWS];
} replay;

static void keep(void *arg, int64_t flow, double fct_ns) {
  ((replay *)arg)->fct_ns[flow] = fct_ns;
}

static void add_next(void *arg) {
  replay *self = arg;
  const sim_flow *flow = &self->scenario->flows[self->next];
  int64_t number;
  assert_int_equal(m4_sim_add_flow(&self->sim, flow->src, flow->dst, flow->size_bytes, keep, self, &number),
                   0);
  assert_int_equal(number, self->next++);
}

/* Times count from the first arrival in the model and from 0 here, hence the rounding allowed. */
static void check_replay(sim_scenario *scenario, const char *backend, sim_backend *plain) {
  sim_result result;
  assert_int_equal(sim_run(scenario, plain, NULL, NULL, &result, NULL), M4_OK);
  replay self = {.scenario = scenario};
  api_create(&self.sim, backend);
  for (int64_t i = 0; i < FLOWS; i++)
    assert_int_equal(m4_sim_schedule(&self.sim, (double)scenario->flows[i].start_ns, add_next, &self, NULL),
                     0);
  assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
  assert_int_equal(m4_sim_in_flight(&self.sim), 0);
  assert_true(fabs(m4_sim_now(&self.sim) - result.end_ns) < 1e-2);
  for (int64_t i = 0; i < FLOWS; i++) assert_true(fabs(self.fct_ns[i] - result.fct_ns[i]) < 1e-2);
  m4_sim_free(&self.sim);
  sim_result_free(&result);
  sim_backend_free(plain);
}

static void equal_to_the_engine(void **state) {
  (void)state;
  sim_scenario *scenario;
  sim_backend *plain;
  sim_learned_model *model = NULL;
  assert_int_equal(sim_scenario_read(&scenario, NS3_DATA "/0", NULL), M4_OK);
  scenario->n_flows = FLOWS;
  bool missing;
  sim_params_from_settings(&scenario->packet, scenario->params, &missing); /* as the library does */
  assert_int_equal(sim_flowsim_backend(&plain, scenario, NULL, NULL), M4_OK);
  check_replay(scenario, "flowsim", plain);
  assert_int_equal(sim_packet_backend(&plain, scenario, NULL, NULL), M4_OK);
  check_replay(scenario, "packet", plain);
  assert_int_equal(sim_learned_model_load(&model, CHECKPOINT, NULL), M4_OK);
  assert_int_equal(sim_learned_backend(&plain, scenario, model, NULL, NULL), M4_OK);
  check_replay(scenario, "m4", plain);
  sim_learned_model_free(model);
  sim_scenario_free(scenario);
}

/* ---- clock, timers, callbacks ---- */

typedef struct chain {
  m4_sim sim;
  int left, timers;
  double last_ns;
  int inner_status; /* of a run from inside a callback */
} chain;

static void continue_chain(void *arg, int64_t flow, double fct_ns) {
  (void)flow;
  chain *self = arg;
  assert_true(fct_ns > 0 && m4_sim_now(&self->sim) > self->last_ns);
  self->last_ns = m4_sim_now(&self->sim);
  self->inner_status = m4_sim_run_until(&self->sim, INFINITY);
  if (self->left-- > 0)
    assert_int_equal(m4_sim_add_flow(&self->sim, 1, 2, 5000, continue_chain, self, NULL), 0);
}

static void callbacks_add_flows(void **state) {
  (void)state;
  for (int i = 0; i < API_N_BACKENDS; i++) {
    chain self = {.left = 10};
    api_create(&self.sim, api_backends[i]);
    assert_int_equal(m4_sim_add_flow(&self.sim, 1, 2, 5000, continue_chain, &self, NULL), 0);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(self.left, -1);
    assert_int_equal(self.inner_status, M4_SIM_USAGE);
    assert_true(m4_sim_now(&self.sim) == self.last_ns);
    assert_int_equal(m4_sim_add_flow(&self.sim, 1, 2, 5000, NULL, NULL, NULL), 0); /* after the end */
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(m4_sim_in_flight(&self.sim), 0);
    m4_sim_free(&self.sim);
  }
}

static void tick(void *arg) {
  chain *self = arg;
  assert_true(m4_sim_now(&self->sim) == 100.0 * ++self->timers);
  if (self->timers < 5) assert_int_equal(m4_sim_schedule(&self->sim, 100, tick, self, NULL), 0);
}

static void the_clock_stops_where_it_is_told(void **state) {
  (void)state;
  chain self = {0};
  api_create(&self.sim, "flowsim");
  assert_true(m4_sim_now(&self.sim) == 0);
  assert_int_equal(m4_sim_schedule(&self.sim, 100, tick, &self, NULL), 0);
  assert_int_equal(m4_sim_run_until(&self.sim, 250), 0);
  assert_true(self.timers == 2 && m4_sim_now(&self.sim) == 250);
  assert_int_equal(m4_sim_run_until(&self.sim, 300), 0);
  assert_int_equal(self.timers, 3);
  assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
  assert_true(self.timers == 5 && m4_sim_now(&self.sim) == 500);
  m4_sim_free(&self.sim);
}

static void links_fail_and_return_with(const char *backend) {
  replay self = {0};
  api_create(&self.sim, backend);
  int32_t rack = api_rack_of(1);
  int64_t rate_bps = m4_sim_link_rate(&self.sim, 1, rack);
  assert_int_equal(m4_sim_set_link_rate(&self.sim, 1, rack, 0), 0);
  assert_int_equal(m4_sim_add_flow(&self.sim, 1, 2, 5000, keep, &self, NULL), 0);
  assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0); /* it waits for ever */
  assert_int_equal(m4_sim_in_flight(&self.sim), 1);
  assert_int_equal(m4_sim_run_until(&self.sim, 1e6), 0);
  assert_int_equal(m4_sim_set_link_rate(&self.sim, 1, rack, rate_bps), 0);
  assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
  assert_int_equal(m4_sim_in_flight(&self.sim), 0);
  assert_true(self.fct_ns[0] > 1e6 && self.fct_ns[0] < 2e6);
  m4_sim_free(&self.sim);
}

static void links_fail_and_return(void **state) {
  (void)state;
  links_fail_and_return_with("flowsim");
  links_fail_and_return_with("packet");
  links_fail_and_return_with("m4");
}

/* ---- mistakes ---- */

/* Paths longer than was asked for. (More flows than max_flows: test_api_misuse.c.) */
static void paths_have_a_limit(void **state) {
  (void)state;
  const m4_sim_options options = {.topology_path = TOPOLOGY, .backend = "flowsim", .max_path_links = 1};
  m4_sim sim = {0};
  assert_int_equal(m4_sim_create(&sim, &options, NULL, 0), 0);
  assert_int_equal(m4_sim_add_flow(&sim, 1, 2, 100, NULL, NULL, NULL), M4_SIM_DATA);
  m4_sim_free(&sim);
}

static void bad_options_are_told(void **state) {
  (void)state;
  double params[13] = {[4] = NAN};
  const struct {
    m4_sim_options options;
    int status;
    const char *text;
  } cases[] = {
      {{.backend = "flowsim"}, M4_SIM_USAGE, "topology_path"},
      {{.topology_path = TOPOLOGY}, M4_SIM_USAGE, "backend"},
      {{.topology_path = TOPOLOGY, .backend = "ns3"}, M4_SIM_USAGE, "ns3"},
      {{.topology_path = TOPOLOGY, .backend = "m4"}, M4_SIM_USAGE, "checkpoint_path"},
      {{.topology_path = TOPOLOGY, .backend = "m4", .checkpoint_path = "/none"},
       M4_SIM_IO_OR_MEMORY,
       "/none"},
      {{.topology_path = "/none", .backend = "flowsim"}, M4_SIM_IO_OR_MEMORY, "/none"},
      {{.topology_path = TOPOLOGY, .backend = "flowsim", .config_path = "/none"},
       M4_SIM_IO_OR_MEMORY,
       "/none"},
      {{.topology_path = CHECKPOINT, .backend = "flowsim"}, M4_SIM_DATA, "safetensors"},
      {{.topology_path = TOPOLOGY, .backend = "flowsim", .max_flows = -1}, M4_SIM_USAGE, "max_flows"},
      {{.topology_path = TOPOLOGY, .backend = "flowsim", .max_path_links = 65},
       M4_SIM_USAGE,
       "max_path_links"},
      {{.topology_path = TOPOLOGY, .backend = "flowsim", .params = params}, M4_SIM_DATA, "params"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char error[512] = "";
    m4_sim sim = {0};
    assert_int_equal(m4_sim_create(&sim, &cases[i].options, error, sizeof error), cases[i].status);
    assert_null(sim.state);
    if (!strstr(error, cases[i].text)) fail_msg("\"%s\" lacks \"%s\"", error, cases[i].text);
    assert_int_equal(m4_sim_create(&sim, &cases[i].options, NULL, 0), cases[i].status);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(equal_to_the_engine),
                                     cmocka_unit_test(callbacks_add_flows),
                                     cmocka_unit_test(the_clock_stops_where_it_is_told),
                                     cmocka_unit_test(links_fail_and_return),
                                     cmocka_unit_test(paths_have_a_limit),
                                     cmocka_unit_test(bad_options_are_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
