/* flowSim beside SimGrid's max-min solver: the same random flows on the same random network, one flow for
 * each pair of hosts. SimGrid runs one platform a process: the argument is the number of the scenario.
 * SimGrid's clock counts microseconds here, so that its precision of 1e-9 is far below a nanosecond. */
#include "tests/sim/random_network.h"

#include "sim/engine.h"

#include <math.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/mailbox.h>

enum { FLOWS = 400 };
#define NS_PER_TICK 1000.0
#define TOLERANCE   1e-9
/* flowSim lets flows end at least 1 ns after the event before (simulation.md 6.2), SimGrid does not: no tiny
 * flows, and scenarios in which no two events are that close. */
#define LEAST_BYTES 2000

static int scenario_number;
static const sim_scenario *scenario;
static double simgrid_ns[FLOWS]; /* from release to end */

/* ---- the other side ---- */

static void write_platform(FILE *out) {
  const sim_topology *topology = scenario->topology;
  fputs("<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n"
        "<platform version=\"4.1\">\n<zone id=\"network\" routing=\"Full\">\n",
        out);
  for (int32_t node = 0; node < topology->n_nodes; node++)
    if (!topology->is_switch[node]) fprintf(out, "<host id=\"h%d\" speed=\"1Gf\"/>\n", node);
  for (int32_t link = 0; link < topology->n_links; link++)
    fprintf(out, "<link id=\"l%d\" bandwidth=\"%.17gBps\" latency=\"0s\" sharing_policy=\"SHARED\"/>\n", link,
            (double)topology->links[link].rate_bps / 8e9 * NS_PER_TICK);
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    const sim_flow *flow = &scenario->flows[i];
    fprintf(out, "<route src=\"h%d\" dst=\"h%d\" symmetrical=\"NO\">", flow->src, flow->dst);
    for (int32_t hop = 0; hop < flow->n_links; hop++)
      fprintf(out, "<link_ctn id=\"l%d\"/>", flow->links[hop]);
    fputs("</route>\n", out);
  }
  fputs("</zone>\n</platform>\n", out);
}

static void send_flow(int argc, char **argv) {
  (void)argc;
  const sim_flow *flow = &scenario->flows[atoi(argv[1])];
  static char nothing;
  sg_actor_sleep_until((double)flow->start_ns / NS_PER_TICK);
  sg_mailbox_put(sg_mailbox_by_name(argv[1]), &nothing, flow->size_bytes);
  simgrid_ns[flow->id] = simgrid_get_clock() * NS_PER_TICK - (double)flow->start_ns;
}

static void receive_flow(int argc, char **argv) {
  (void)argc;
  sg_mailbox_get(sg_mailbox_by_name(argv[1]));
}

static void run_simgrid(void) {
  char path[64], xml[80];
  FILE *out = scratch_file(path);
  write_platform(out);
  fclose(out);
  snprintf(xml, sizeof xml, "%s.xml", path);
  assert_int_equal(rename(path, xml), 0);
  simgrid_load_platform(xml);
  remove(xml);
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    char name[] = "flow", number[16], host[16];
    char *const arguments[] = {name, number, NULL};
    snprintf(number, sizeof number, "%d", (int)i);
    snprintf(host, sizeof host, "h%d", scenario->flows[i].src);
    sg_actor_create("send", sg_host_by_name(host), send_flow, 2, arguments);
    snprintf(host, sizeof host, "h%d", scenario->flows[i].dst);
    sg_actor_create("receive", sg_host_by_name(host), receive_flow, 2, arguments);
  }
  simgrid_run();
}

/* ---- both ---- */

/* The flows of a random scenario without those whose pair of hosts has been there. */
static sim_scenario *one_flow_per_pair(int number) {
  m4_rng rng = m4_rng_make((uint64_t)number, M4_RNG_TEST, 1);
  sim_scenario *drawn = random_scenario(&rng, FLOWS, 500000);
  sim_flow flows[FLOWS];
  int64_t n = 0;
  for (int64_t i = 0; i < drawn->n_flows; i++) {
    bool seen = false;
    for (int64_t j = 0; j < n; j++)
      seen |= flows[j].src == drawn->flows[i].src && flows[j].dst == drawn->flows[i].dst;
    if (!seen) flows[n++] = drawn->flows[i];
    if (!seen) flows[n - 1].size_bytes += LEAST_BYTES;
  }
  sim_topology *topology = drawn->topology;
  drawn->topology = NULL;
  sim_scenario *made = scenario_of(topology, flows, n);
  sim_scenario_free(drawn);
  return made;
}

/* The FCT without the delay that flowSim adds outside the fluid (simulation.md 6.4). */
static double fluid_ns(const sim_result *result, int64_t i) {
  const sim_flow *flow = &scenario->flows[i];
  const double packet = (double)(flow->size_bytes < 1000 ? flow->size_bytes : 1000) + 48;
  double delay = 0, slowest = 0;
  for (int32_t hop = 0; hop < flow->n_links; hop++) {
    const sim_link *link = &scenario->topology->links[flow->links[hop]];
    delay += (double)link->delay_ns + packet * 8e9 / (double)link->rate_bps;
    slowest = fmax(slowest, packet * 8e9 / (double)link->rate_bps);
  }
  return result->fct_ns[i] - (delay - slowest);
}

static void same_times(void **state) {
  (void)state;
  sim_backend *backend;
  sim_result result;
  sim_scenario *made = one_flow_per_pair(scenario_number);
  scenario = made;
  assert_true(scenario->n_flows > 10);
  assert_int_equal(sim_flowsim_backend(&backend, scenario, NULL, NULL), M4_OK);
  assert_int_equal(sim_run(scenario, backend, NULL, NULL, &result, NULL), M4_OK);
  run_simgrid();
  for (int64_t i = 0; i < scenario->n_flows; i++) {
    double ours = fluid_ns(&result, i);
    if (!(fabs(ours - simgrid_ns[i]) <= TOLERANCE * simgrid_ns[i]))
      fail_msg("flow %lld: %.6f ns, SimGrid %.6f ns", (long long)i, ours, simgrid_ns[i]);
  }
  sim_result_free(&result);
  sim_backend_free(backend);
  sim_scenario_free(made);
}

int main(int argc, char **argv) {
  static char *settings[] = {"test_simgrid",
                             "--log=root.threshold:error",
                             "--cfg=network/model:CM02",
                             "--cfg=network/crosstraffic:0",
                             "--cfg=network/TCP-gamma:0",
                             "--cfg=contexts/stack-size:64",
                             NULL};
  int n_settings = sizeof settings / sizeof settings[0] - 1;
  scenario_number = argc > 1 ? atoi(argv[1]) : 0;
  simgrid_init(&n_settings, settings);
  const struct CMUnitTest tests[] = {cmocka_unit_test(same_times)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
