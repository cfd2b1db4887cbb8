/* Properties that hold in every run, over random networks, settings and flows: all four congestion controls,
 * PFC on and off, links of several rates. The simulator is stopped at many instants and looked at from
 * inside, while every packet is counted by the probe. */
#include "tests/sim/packet/random_network.h"

#include "base/threads.h"
#include "sim/packet/state.h"

enum { N_RUNS = 160, N_LINKS = 2 * (RANDOM_HOSTS + RANDOM_SWITCHES) };

/* ---- the books: every packet at every port ---- */

typedef struct books {
  const sim_topology *topology;
  int64_t sent_bytes[N_LINKS], arrived_bytes[N_LINKS];   /* wire bytes */
  int64_t queued_bytes[N_LINKS][2];                      /* data, urgent */
  int64_t sent[RANDOM_FLOWS], received[RANDOM_FLOWS];    /* payload bytes */
  int64_t dropped[RANDOM_FLOWS], in_order[RANDOM_FLOWS]; /* payload bytes */
} books;

static void on_queue(books *b, const pkt_packet_event *event) {
  int64_t *queued = &b->queued_bytes[event->link][event->queue == 0];
  bool host_data = event->kind == PKT_DATA && !b->topology->is_switch[b->topology->links[event->link].from];
  assert_true(event->queue_bytes >= 0);
  if (event->action == PKT_ENQUEUED) {
    assert_int_equal(event->queue_bytes, *queued);
    *queued += event->wire_bytes;
  } else if (!host_data) { /* a host's data packet is built when it is sent */
    *queued -= event->wire_bytes;
    assert_int_equal(event->queue_bytes, *queued);
  }
}

static void on_packet(void *ctx, const pkt_packet_event *event) {
  books *b = ctx;
  bool data = event->kind == PKT_DATA;
  const sim_link *link = &b->topology->links[event->link];
  switch (event->action) {
  case PKT_RECEIVED: /* the port's own link leads back to where it comes from */
    b->arrived_bytes[event->link ^ 1] += event->wire_bytes;
    if (!data || link->from != event->dst) break;
    b->received[event->flow] += event->payload_bytes;
    if (event->sequence == b->in_order[event->flow]) b->in_order[event->flow] += event->payload_bytes;
    break;
  case PKT_DEQUEUED:
    on_queue(b, event);
    b->sent_bytes[event->link] += event->wire_bytes;
    if (data && link->from == event->src) b->sent[event->flow] += event->payload_bytes;
    break;
  case PKT_ENQUEUED:
    on_queue(b, event);
    break;
  case PKT_DROPPED:
    assert_int_equal(event->queue_bytes, b->queued_bytes[event->link][0]);
    if (data) b->dropped[event->flow] += event->payload_bytes;
    break;
  }
}

/* ---- at any instant ---- */

static void check_switch(const pkt_sim *sim, const pkt_switch *sw) {
  assert_true(sw->used_bytes >= 0 && sw->used_bytes <= sim->settings->buffer_kib * 1024);
  assert_true(sw->headroom_used >= 0 && sw->headroom_used <= sw->used_bytes);
  assert_true(sw->out_bytes >= 0);
}

static void check_port(const pkt_sim *sim, const books *b, int32_t link) {
  const pkt_port *port = &sim->ports[link];
  assert_true(port->ingress_bytes >= 0 && port->headroom_used >= 0);
  assert_true(port->headroom_used <= port->ingress_bytes);
  assert_int_equal(port->data.bytes, b->queued_bytes[link][0]);
  assert_int_equal(port->urgent.bytes, b->queued_bytes[link][1]);
  assert_int_equal(port->sent_bytes, b->sent_bytes[link]);
  assert_true(b->arrived_bytes[link] <= b->sent_bytes[link]);
  assert_true(port->max_data_bytes >= port->data.bytes);
  assert_true(sim->settings->enable_pfc || !port->paused);
}

static bool idle(const pkt_sim *sim, const pkt_port *port) {
  return port->busy_until_ns <= sim->events.now_ns;
}

/* A port with something to send is sending. */
static void check_work(const pkt_sim *sim, const pkt_port *port) {
  if (!idle(sim, port)) return;
  if (port->at_switch) {
    assert_true(port->urgent.head == PKT_NONE);
    assert_true(port->data.head == PKT_NONE || port->paused);
    return;
  }
  assert_true(port->urgent.head == PKT_NONE || (port->paused && !sim->settings->ack_high_priority));
  const pkt_nic *nic = &sim->nics[port->owner];
  bool ready = false, blocked = false;
  for (uint32_t i = 0; i < nic->n_entries; i++) {
    ready |= nic->entries[i].ready_ns <= sim->events.now_ns;
    blocked |= nic->entries[i].ready_ns == PKT_BLOCKED && nic->entries[i].available_ns != INT64_MAX;
  }
  /* the wake-up quirk: a blocked pair, or an alarm set already, hides the times of the others */
  bool alarm = sim->events.events[nic->wake].place != PKT_IDLE;
  /* and nobody tells the interface that a timer of DCQCN has widened a window */
  bool timers = sim->cc_env.n_timers_pending > 0;
  assert_true(!ready || port->paused || blocked || alarm || timers);
}

static void check_instant(const pkt_sim *sim, const books *b) {
  for (int32_t i = 0; i < sim->topology->n_switches; i++) check_switch(sim, &sim->switches[i]);
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    check_port(sim, b, i);
    check_work(sim, &sim->ports[i]);
  }
}

/* ---- at the end ---- */

/* The last byte cannot arrive earlier: for every link of the path, the first packet has to get there, all
 * packets have to pass, the last one has to get on. That is the ideal FCT when all packets are full. */
static int64_t fastest_ns(const pkt_sim *sim, const pkt_queue_pair *pair) {
  int64_t size = pair->flow.size_bytes, n_full = (size - 1) / 1000, last = size - 1000 * n_full;
  int64_t first = n_full > 0 ? 1000 : last, before_ns = 0, after_ns = 0, delay_ns = 0, fastest = 0;
  int32_t links[SIM_MAX_PATH], n = 0;
  do {
    links[n] = (int32_t)sim->paths[pair->path + (uint32_t)n];
  } while (sim->topology->links[links[n++]].to != pair->flow.dst);
  for (int32_t i = 0; i < n; i++) {
    const sim_link *link = &sim->topology->links[links[i]];
    uint64_t rate = (uint64_t)link->rate_bps;
    delay_ns += link->delay_ns;
    after_ns += pkt_transmission_ns((uint64_t)last + 48, rate);
  }
  for (int32_t i = 0; i < n; i++) {
    uint64_t rate = (uint64_t)sim->topology->links[links[i]].rate_bps;
    int64_t pass_ns =
        n_full * pkt_transmission_ns(1048, rate) + pkt_transmission_ns((uint64_t)last + 48, rate);
    after_ns -= pkt_transmission_ns((uint64_t)last + 48, rate);
    if (before_ns + pass_ns + after_ns > fastest) fastest = before_ns + pass_ns + after_ns;
    before_ns += pkt_transmission_ns((uint64_t)first + 48, rate);
  }
  int64_t ideal_ns = sim_ideal_fct_ns(sim->topology, links, n, size, 0);
  return last == first && ideal_ns > delay_ns + fastest ? ideal_ns : delay_ns + fastest;
}

/* Every byte sent has arrived or was dropped; who got everything in order is done, and nobody else. */
static void check_flows(const pkt_sim *sim, const books *b, const int64_t *fct_ns) {
  for (uint32_t i = 0; i < sim->n_pairs; i++) {
    const pkt_queue_pair *pair = &sim->pairs[i];
    assert_int_equal(b->sent[i], b->received[i] + b->dropped[i]);
    assert_true(b->in_order[i] <= pair->flow.size_bytes);
    assert_int_equal(fct_ns[i] >= 0, b->in_order[i] == pair->flow.size_bytes);
    if (fct_ns[i] >= 0) assert_true(fct_ns[i] >= fastest_ns(sim, pair));
  }
}

static void check_drained(const pkt_sim *sim, const books *b) {
  for (int32_t i = 0; i < sim->topology->n_switches; i++) {
    assert_int_equal(sim->switches[i].used_bytes, 0);
    assert_int_equal(sim->switches[i].headroom_used, 0);
    assert_int_equal(sim->switches[i].out_bytes, 0);
  }
  for (int32_t i = 0; i < sim->topology->n_links; i++) {
    const pkt_port *port = &sim->ports[i];
    assert_int_equal(port->data.bytes + port->urgent.bytes + port->ingress_bytes + port->headroom_used, 0);
    assert_int_equal(b->arrived_bytes[i], b->sent_bytes[i]);
    assert_false(port->paused || port->peer_paused);
  }
}

static void check_run(uint32_t run) {
  random_network net = make_network(7, run);
  static books b;
  b = (books){.topology = net.topology};
  const pkt_probe probe = {.ctx = &b, .packet = on_packet};
  pkt_sim *sim = start_network(&net, &probe);
  m4_rng rng = m4_rng_make(8, M4_RNG_TEST, run);
  int64_t fct_ns[RANDOM_FLOWS], step_ns = 1 + (int64_t)m4_rng_below(&rng, 3000);
  for (int i = 0; i < RANDOM_FLOWS; i++) fct_ns[i] = -1;
  for (int64_t until = 0; until < 2000 * step_ns;
       until += 1 + (int64_t)m4_rng_below(&rng, (uint64_t)step_ns)) {
    run_until(sim, until, fct_ns);
    check_instant(sim, &b);
  }
  run_until(sim, INT64_MAX, fct_ns);
  run_until(sim, pkt_now_ns(sim) + 1000000000, fct_ns); /* what is still on the wires */
  check_instant(sim, &b);
  check_drained(sim, &b);
  check_flows(sim, &b, fct_ns);
  if (net.settings.enable_pfc && pkt_count(sim).drops == 0)
    for (int64_t i = 0; i < net.n_flows; i++) assert_true(fct_ns[i] > 0);
  pkt_free(sim);
  free_network(&net);
}

static void test_properties(void **state) {
  (void)state;
  for (uint32_t run = 0; run < N_RUNS; run++) check_run(run);
}

/* ---- any number of threads, stopped on the way or not ---- */

static void run_one(void *arg, size_t index, int worker) {
  (void)worker;
  int64_t *fct_ns = (int64_t *)arg + index * RANDOM_FLOWS;
  random_network net = make_network(7, (uint32_t)index);
  pkt_sim *sim = start_network(&net, NULL);
  run_until(sim, INT64_MAX, fct_ns);
  pkt_free(sim);
  free_network(&net);
}

static int64_t *run_all(int threads) {
  m4_pool *pool = NULL;
  int64_t *fct_ns = no_fcts((int64_t)N_RUNS * RANDOM_FLOWS);
  assert_int_equal(m4_pool_create(&pool, threads, NULL), M4_OK);
  m4_parallel_for(pool, N_RUNS, run_one, fct_ns);
  m4_pool_free(pool);
  return fct_ns;
}

static void test_threads_do_not_matter(void **state) {
  (void)state;
  int64_t *one = run_all(1), *four = run_all(4);
  assert_memory_equal(one, four, (size_t)N_RUNS * RANDOM_FLOWS * sizeof *one);
  free(one);
  free(four);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_properties),
                                     cmocka_unit_test(test_threads_do_not_matter)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
