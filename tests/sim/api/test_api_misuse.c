/* Misuse of the library for other programs: every mistake of the table is made outside of runs, in the
 * callback of a flow and in the callback of a timer, with every back end; it is refused with the same status
 * and a line that says why, and changes nothing. Handles without a simulation are refused by every call. */
#include "tests/sim/api/api_test.h"

#include <stdlib.h>

#define RATE_BPS INT64_C(10000000000)

/* A simulation in which flow 0 is complete, flow 1 in flight, timer 0 called, timer 1 cancelled, and timer
 * 2 a link's change to come. */
typedef struct world {
  m4_sim sim;
  int32_t rack; /* switch of host 1 */
  int callbacks;
  void (*inside)(struct world *self); /* what the next callback does; NULL: nothing */
} world;

static void call_inside(world *self) {
  void (*inside)(world *) = self->inside;
  self->callbacks++;
  self->inside = NULL;
  if (inside) inside(self);
}

static void on_flow(void *arg, int64_t flow, double fct_ns) {
  (void)flow, (void)fct_ns;
  call_inside(arg);
}

static void on_timer(void *arg) {
  call_inside(arg);
}

static void begin(world *self, const char *backend, int32_t rack) {
  *self = (world){.rack = rack};
  api_create(&self->sim, backend);
  assert_int_equal(m4_sim_schedule(&self->sim, 10, on_timer, self, NULL), 0);
  assert_int_equal(m4_sim_schedule(&self->sim, 10, on_timer, self, NULL), 0);
  assert_int_equal(m4_sim_set_link_rate_at(&self->sim, 1e9, 1, rack, RATE_BPS), 0);
  assert_int_equal(m4_sim_cancel(&self->sim, 1), 0);
  assert_int_equal(m4_sim_add_flow(&self->sim, 1, 2, 5000, on_flow, self, NULL), 0);
  assert_int_equal(m4_sim_run_until(&self->sim, 1e6), 0);
  assert_int_equal(self->callbacks, 2);
  assert_int_equal(m4_sim_add_flow(&self->sim, 1, 2, 5000, on_flow, self, NULL), 0);
}

/* ---- the mistakes ---- */

static int add(world *self, int32_t src, int32_t dst, int64_t size_bytes) {
  return m4_sim_add_flow(&self->sim, src, dst, size_bytes, on_flow, self, NULL);
}
static int from_nowhere(world *self) {
  return add(self, -1, 2, 100);
}
static int to_unknown_host(world *self) {
  return add(self, 1, 1000000, 100);
}
static int to_switch(world *self) {
  return add(self, 1, self->rack, 100);
}
static int to_itself(world *self) {
  return add(self, 1, 1, 100);
}
static int no_bytes(world *self) {
  return add(self, 1, 2, 0);
}
static int negative_size(world *self) {
  return add(self, 1, 2, INT64_MIN);
}
static int huge_size(world *self) {
  return add(self, 1, 2, INT64_MAX);
}

static int timer_in(world *self, double delay_ns) {
  return m4_sim_schedule(&self->sim, delay_ns, on_timer, self, NULL);
}
static int timer_in_the_past(world *self) {
  return timer_in(self, -1);
}
static int timer_at_nan(world *self) {
  return timer_in(self, NAN);
}
static int timer_never(world *self) {
  return timer_in(self, INFINITY);
}
static int timer_in_ages(world *self) {
  return timer_in(self, 1e300);
}
static int timer_without_function(world *self) {
  return m4_sim_schedule(&self->sim, 1, NULL, NULL, NULL);
}
static int cancel_called(world *self) {
  return m4_sim_cancel(&self->sim, 0);
}
static int cancel_twice(world *self) {
  return m4_sim_cancel(&self->sim, 1);
}
static int cancel_change(world *self) {
  return m4_sim_cancel(&self->sim, 2);
}
static int cancel_unknown(world *self) {
  return m4_sim_cancel(&self->sim, 12345);
}
static int cancel_negative(world *self) {
  return m4_sim_cancel(&self->sim, -1);
}

static int rate_of_no_link(world *self) {
  return m4_sim_set_link_rate(&self->sim, 1, 2, RATE_BPS);
}
static int rate_of_unknown_nodes(world *self) {
  return m4_sim_set_link_rate(&self->sim, -7, INT32_MAX, RATE_BPS);
}
static int negative_rate(world *self) {
  return m4_sim_set_link_rate(&self->sim, 1, self->rack, -1);
}
static int change_at(world *self, double time_ns) {
  return m4_sim_set_link_rate_at(&self->sim, time_ns, 1, self->rack, RATE_BPS);
}
static int change_in_the_past(world *self) {
  return change_at(self, 999999);
}
static int change_at_nan(world *self) {
  return change_at(self, NAN);
}
static int change_never(world *self) {
  return change_at(self, INFINITY);
}
static int change_in_ages(world *self) {
  return change_at(self, 1e17);
}
static int change_of_no_link(world *self) {
  return m4_sim_set_link_rate_at(&self->sim, 2e9, 1, 2, RATE_BPS);
}

static int ask(world *self, int64_t flow) {
  double value;
  return m4_sim_predicted_finish(&self->sim, flow, &value);
}
static int ask_for_complete_flow(world *self) {
  return ask(self, 0);
}
static int ask_for_unknown_flow(world *self) {
  return ask(self, 3);
}
static int ask_for_negative_flow(world *self) {
  return ask(self, INT64_MIN);
}
static int ask_for_last_flow(world *self) {
  return ask(self, INT64_MAX);
}
static int ask_for_nothing(world *self) {
  return m4_sim_predicted_slowdown(&self->sim, 1, NULL);
}
static int ask_for_no_queue(world *self) {
  return m4_sim_queue_bytes(&self->sim, 1, self->rack, NULL);
}
static int ask_for_unknown_queue(world *self) {
  double bytes;
  return m4_sim_queue_bytes(&self->sim, 1, 2, &bytes);
}

static int run_back(world *self) {
  return m4_sim_run_until(&self->sim, 999999);
}
static int run_to_nan(world *self) {
  return m4_sim_run_until(&self->sim, NAN);
}
static int run_before_all_times(world *self) {
  return m4_sim_run_until(&self->sim, -INFINITY);
}
static int run_for_ages(world *self) {
  return m4_sim_run_until(&self->sim, 1e300);
}
static int next_in_the_past(world *self) {
  return m4_sim_next(&self->sim, 999999, NULL, NULL);
}
static int create_in_use(world *self) {
  const m4_sim_options options = {.topology_path = TOPOLOGY, .backend = "flowsim"};
  return m4_sim_create(&self->sim, &options, NULL, 0);
}

static const struct {
  const char *name;
  int (*make)(world *self);
  int status;
  const char *text;  /* part of m4_sim_error; NULL: the mistake is told elsewhere */
  const char *inner; /* the same in a callback, where it differs */
} mistakes[] = {
    {"from nowhere", from_nowhere, M4_SIM_DATA, "not a host", NULL},
    {"to an unknown host", to_unknown_host, M4_SIM_DATA, "not a host", NULL},
    {"to a switch", to_switch, M4_SIM_DATA, "not a host", NULL},
    {"to itself", to_itself, M4_SIM_DATA, "to itself", NULL},
    {"no bytes", no_bytes, M4_SIM_DATA, "bytes", NULL},
    {"negative size", negative_size, M4_SIM_DATA, "bytes", NULL},
    {"huge size", huge_size, M4_SIM_DATA, "bytes", NULL},
    {"timer in the past", timer_in_the_past, M4_SIM_USAGE, "does not run back", NULL},
    {"timer at NaN", timer_at_nan, M4_SIM_USAGE, "nan", NULL},
    {"timer never", timer_never, M4_SIM_USAGE, "2^53", NULL},
    {"timer in ages", timer_in_ages, M4_SIM_USAGE, "2^53", NULL},
    {"timer without a function", timer_without_function, M4_SIM_USAGE, "needs a function", NULL},
    {"cancel a timer that was called", cancel_called, M4_SIM_USAGE, "no timer 0", NULL},
    {"cancel twice", cancel_twice, M4_SIM_USAGE, "no timer 1", NULL},
    {"cancel a link's change", cancel_change, M4_SIM_USAGE, "no timer 2", NULL},
    {"cancel an unknown timer", cancel_unknown, M4_SIM_USAGE, "no timer 12345", NULL},
    {"cancel a negative timer", cancel_negative, M4_SIM_USAGE, "no timer -1", NULL},
    {"rate of no link", rate_of_no_link, M4_SIM_USAGE, "no link from node 1 to node 2", NULL},
    {"rate of unknown nodes", rate_of_unknown_nodes, M4_SIM_USAGE, "no link from node -7", NULL},
    {"negative rate", negative_rate, M4_SIM_USAGE, "rate of -1", NULL},
    {"change in the past", change_in_the_past, M4_SIM_USAGE, "does not run back", NULL},
    {"change at NaN", change_at_nan, M4_SIM_USAGE, "nan", NULL},
    {"change never", change_never, M4_SIM_USAGE, "2^53", NULL},
    {"change in ages", change_in_ages, M4_SIM_USAGE, "2^53", NULL},
    {"change of no link", change_of_no_link, M4_SIM_USAGE, "no link", NULL},
    {"ask for a complete flow", ask_for_complete_flow, M4_SIM_USAGE, "flow 0 is complete", NULL},
    {"ask for an unknown flow", ask_for_unknown_flow, M4_SIM_USAGE, "no flow 3", NULL},
    {"ask for a negative flow", ask_for_negative_flow, M4_SIM_USAGE, "no flow", NULL},
    {"ask for the last flow", ask_for_last_flow, M4_SIM_USAGE, "no flow", NULL},
    {"ask for nothing", ask_for_nothing, M4_SIM_USAGE, "NULL", NULL},
    {"ask for no queue", ask_for_no_queue, M4_SIM_USAGE, "NULL", NULL},
    {"ask for an unknown queue", ask_for_unknown_queue, M4_SIM_USAGE, "no link", NULL},
    {"run back", run_back, M4_SIM_USAGE, "does not run back", "cannot run the simulation"},
    {"run to NaN", run_to_nan, M4_SIM_USAGE, "nan", "cannot run the simulation"},
    {"run before all times", run_before_all_times, M4_SIM_USAGE, "-inf", "cannot run the simulation"},
    {"run for ages", run_for_ages, M4_SIM_USAGE, "2^53", "cannot run the simulation"},
    {"next in the past", next_in_the_past, M4_SIM_USAGE, "does not run back", "cannot run the simulation"},
    {"create in use", create_in_use, M4_SIM_USAGE, NULL, NULL}};
enum { N_MISTAKES = sizeof mistakes / sizeof mistakes[0] };

static void make_all(world *self, bool inside) {
  for (int i = 0; i < N_MISTAKES; i++) {
    double now_ns = m4_sim_now(&self->sim);
    int64_t in_flight = m4_sim_in_flight(&self->sim);
    const char *text = inside && mistakes[i].inner ? mistakes[i].inner : mistakes[i].text;
    int status = mistakes[i].make(self);
    const char *error = m4_sim_error(&self->sim);
    if (status != mistakes[i].status || (text && !strstr(error, text)))
      fail_msg("%s: status %d, expected %d and \"%s\": %s", mistakes[i].name, status, mistakes[i].status,
               text ? text : "", error);
    assert_true(m4_sim_now(&self->sim) == now_ns);
    assert_int_equal(m4_sim_in_flight(&self->sim), in_flight);
  }
}

static void make_all_inside(world *self) {
  make_all(self, true);
}

static void mistakes_change_nothing(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++) {
    world self;
    begin(&self, api_backends[i], rack);
    make_all(&self, false);
    self.inside = make_all_inside;
    assert_int_equal(m4_sim_run_until(&self.sim, 2e6), 0);
    assert_true(self.callbacks == 3 && !self.inside); /* that of flow 1 */
    self.inside = make_all_inside;
    assert_int_equal(m4_sim_schedule(&self.sim, 5, on_timer, &self, NULL), 0);
    assert_int_equal(m4_sim_run_until(&self.sim, 3e6), 0);
    assert_true(self.callbacks == 4 && !self.inside);
    assert_int_equal(add(&self, 1, 2, 5000), 0); /* it still works */
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(self.callbacks, 5);
    assert_int_equal(add(&self, 1, 2, 5000), 0); /* after the end, too */
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_true(self.callbacks == 6 && m4_sim_in_flight(&self.sim) == 0);
    m4_sim_free(&self.sim);
  }
}

/* Flows that find no path take no memory: there are many more of them than the simulation has room for. */
static void refused_flows_are_forgotten(void **state) {
  (void)state;
  enum { HOSTS = 32 };
  int32_t racks[HOSTS], neighbour = 1;
  for (int32_t host = 0; host < HOSTS; host++) racks[host] = api_rack_of(host);
  while (racks[neighbour] != racks[0]) neighbour++;
  for (int i = 0; i < 2; i++) {
    const m4_sim_options options = {.topology_path = TOPOLOGY,
                                    .config_path = NS3_DATA "/0/config.txt",
                                    .backend = api_backends[i],
                                    .max_flows = 1,
                                    .max_path_links = 2};
    m4_sim sim = {0};
    int64_t refused = 0;
    assert_int_equal(m4_sim_create(&sim, &options, NULL, 0), 0);
    for (int32_t pair = 0; pair < HOSTS * HOSTS; pair++) {
      int32_t src = pair / HOSTS, dst = pair % HOSTS;
      if (racks[src] == racks[dst]) continue;
      assert_int_equal(m4_sim_add_flow(&sim, src, dst, 100, NULL, NULL, NULL), M4_SIM_DATA);
      refused++;
    }
    assert_true(refused > 100);
    assert_int_equal(m4_sim_add_flow(&sim, 0, neighbour, 100, NULL, NULL, NULL), 0);
    assert_int_equal(m4_sim_add_flow(&sim, 0, neighbour, 100, NULL, NULL, NULL), M4_SIM_USAGE);
    assert_non_null(strstr(m4_sim_error(&sim), "max_flows"));
    assert_int_equal(m4_sim_run_until(&sim, INFINITY), 0);
    m4_sim_free(&sim);
  }
}

/* ---- handles without a simulation ---- */

static void refused_by_every_call(m4_sim *sim, const char *text) {
  double value = 7;
  int64_t number = 7;
  const int statuses[] = {m4_sim_add_flow(sim, 1, 2, 3, NULL, NULL, &number),
                          m4_sim_schedule(sim, 1, on_timer, NULL, &number),
                          m4_sim_cancel(sim, 0),
                          m4_sim_set_link_rate(sim, 1, 2, 3),
                          m4_sim_set_link_rate_at(sim, 1, 1, 2, 3),
                          m4_sim_run_until(sim, INFINITY),
                          m4_sim_predicted_slowdown(sim, 0, &value),
                          m4_sim_predicted_finish(sim, 0, &value),
                          m4_sim_flow_rate(sim, 0, &value),
                          m4_sim_remaining_bytes(sim, 0, &value),
                          m4_sim_queue_bytes(sim, 1, 2, &value)};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
    assert_int_equal(statuses[i], M4_SIM_USAGE);
  assert_true(value == 7 && number == 7);
  assert_int_equal(m4_sim_next(sim, INFINITY, &number, &value), M4_SIM_USAGE);
  assert_true(number == -1 && isnan(value));
  assert_int_equal(m4_sim_link_rate(sim, 1, 2), -1);
  assert_true(isnan(m4_sim_now(sim)) && m4_sim_in_flight(sim) == 0);
  if (!strstr(m4_sim_error(sim), text)) fail_msg("\"%s\" lacks \"%s\"", m4_sim_error(sim), text);
  m4_sim_free(sim); /* nothing, however often */
  m4_sim_free(sim);
}

static void no_simulation_no_call(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  m4_sim never = {0};
  refused_by_every_call(NULL, "NULL");
  refused_by_every_call(&never, "never created");
  for (int i = 0; i < API_N_BACKENDS; i++) {
    world self;
    begin(&self, api_backends[i], rack);
    m4_sim copy = self.sim;
    refused_by_every_call(&copy, "copy");
    assert_int_equal(m4_sim_in_flight(&self.sim), 1); /* freeing a copy frees nothing */
    m4_sim_free(&self.sim);                           /* with a flow and a change to come */
    refused_by_every_call(&self.sim, "freed");
    api_create(&self.sim, api_backends[i]); /* the empty handle is as good as new */
    assert_int_equal(add(&self, 1, 2, 5000), 0);
    m4_sim_free(&self.sim);
  }
}

static void creation_is_refused(void **state) {
  (void)state;
  const m4_sim_options options = {.topology_path = TOPOLOGY, .backend = "flowsim"};
  char error[512] = "";
  m4_sim sim = {0};
  assert_int_equal(m4_sim_create(NULL, &options, error, sizeof error), M4_SIM_USAGE);
  assert_non_null(strstr(error, "NULL"));
  assert_int_equal(m4_sim_create(&sim, NULL, error, sizeof error), M4_SIM_USAGE);
  assert_int_equal(m4_sim_create(&sim, NULL, NULL, 0), M4_SIM_USAGE);
  assert_null(sim.state);
  api_create(&sim, "flowsim");
  assert_int_equal(m4_sim_create(&sim, &options, error, sizeof error), M4_SIM_USAGE);
  assert_non_null(strstr(error, "taken"));
  assert_int_equal(m4_sim_add_flow(&sim, 1, 2, 100, NULL, NULL, NULL), 0);
  m4_sim_free(&sim);
}

/* ---- callbacks that free ---- */

static void free_it(world *self) {
  m4_sim_free(&self->sim);
  refused_by_every_call(&self->sim, "freed");
}

static void a_callback_may_free(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++)
    for (int in_timer = 0; in_timer < 2; in_timer++) {
      world self;
      begin(&self, api_backends[i], rack);
      if (in_timer) assert_int_equal(m4_sim_schedule(&self.sim, 1, on_timer, &self, NULL), 0);
      for (int k = 0; k < 3; k++) assert_int_equal(add(&self, k, 9 + k, 1000), 0);
      self.inside = free_it;
      assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
      assert_int_equal(self.callbacks, 3); /* nothing more is called */
      refused_by_every_call(&self.sim, "freed");
    }
}

/* The handle's own memory may go, too. */
static void free_all(void *arg, int64_t flow, double fct_ns) {
  (void)flow, (void)fct_ns;
  m4_sim_free(arg);
  free(arg);
}

static void a_callback_may_free_the_handle(void **state) {
  (void)state;
  for (int i = 0; i < API_N_BACKENDS; i++) {
    m4_sim *sim = calloc(1, sizeof *sim);
    assert_non_null(sim);
    api_create(sim, api_backends[i]);
    assert_int_equal(m4_sim_add_flow(sim, 1, 2, 1000, free_all, sim, NULL), 0);
    assert_int_equal(m4_sim_run_until(sim, INFINITY), 0);
  }
}

/* Free, and begin anew in the same handle, while the old run is still under way. */
static void begin_anew(world *self) {
  m4_sim_free(&self->sim);
  api_create(&self->sim, "flowsim");
  assert_int_equal(add(self, 3, 4, 1000), 0);
}

static void a_callback_may_begin_anew(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++) {
    world self;
    int64_t flow;
    begin(&self, api_backends[i], rack);
    assert_int_equal(add(&self, 5, 6, 1000), 0);
    self.inside = begin_anew;
    assert_int_equal(m4_sim_next(&self.sim, INFINITY, &flow, NULL), 0);
    assert_true(self.callbacks == 3 && m4_sim_now(&self.sim) == 0);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(self.callbacks, 4);
    m4_sim_free(&self.sim);
  }
}

/* ---- callbacks that add ---- */

static void add_three(world *self) {
  for (int k = 0; k < 3; k++) assert_int_equal(add(self, k, 9 + k, 1000), 0);
  assert_int_equal(m4_sim_schedule(&self->sim, 0, on_timer, self, NULL), 0);
  assert_int_equal(m4_sim_in_flight(&self->sim), 3);
}

static void a_callback_may_add(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++) {
    world self;
    begin(&self, api_backends[i], rack);
    self.inside = add_three;
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(self.callbacks, 2 + 1 + 4);
    assert_int_equal(m4_sim_in_flight(&self.sim), 0);
    m4_sim_free(&self.sim);
  }
}

/* What can never finish stays in flight; the clock stands where the run ended, and flows may be added. */
static void after_a_run_that_cannot_end(void **state) {
  (void)state;
  int32_t rack = api_rack_of(1);
  for (int i = 0; i < API_N_BACKENDS; i++) {
    world self;
    begin(&self, api_backends[i], rack);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0); /* past the change to come */
    assert_int_equal(m4_sim_set_link_rate(&self.sim, 1, rack, 0), 0);
    assert_int_equal(add(&self, 1, 3, 1000), 0);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(m4_sim_in_flight(&self.sim), 1);
    assert_int_equal(add(&self, 7, 8, 1000), 0);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(m4_sim_in_flight(&self.sim), 1);
    assert_int_equal(m4_sim_set_link_rate(&self.sim, 1, rack, RATE_BPS), 0);
    assert_int_equal(m4_sim_run_until(&self.sim, INFINITY), 0);
    assert_int_equal(m4_sim_in_flight(&self.sim), 0);
    m4_sim_free(&self.sim);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mistakes_change_nothing),    cmocka_unit_test(refused_flows_are_forgotten),
      cmocka_unit_test(no_simulation_no_call),      cmocka_unit_test(creation_is_refused),
      cmocka_unit_test(a_callback_may_free),        cmocka_unit_test(a_callback_may_free_the_handle),
      cmocka_unit_test(a_callback_may_begin_anew),  cmocka_unit_test(a_callback_may_add),
      cmocka_unit_test(after_a_run_that_cannot_end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
