/* Events must come out in (time, number) order whatever mixture of near and far times, late numbers and
 * cancellations went in. */
#include "tests/sim/test_sim.h"

#include "base/philox.h"
#include "sim/packet/event_queue.h"

enum { N_EVENTS = 300, N_STEPS = 40000 };

typedef struct model {
  bool pending[N_EVENTS];
  int64_t time_ns[N_EVENTS];
  uint64_t number[N_EVENTS];
} model;

static int first_of(const model *m) {
  int first = -1;
  for (int i = 0; i < N_EVENTS; i++) {
    if (!m->pending[i]) continue;
    if (first < 0 || m->time_ns[i] < m->time_ns[first] ||
        (m->time_ns[i] == m->time_ns[first] && m->number[i] < m->number[first]))
      first = i;
  }
  return first;
}

/* Mostly near, sometimes this very nanosecond, sometimes far beyond the wheel. */
static int64_t some_delay(m4_rng *rng) {
  switch (m4_rng_below(rng, 4)) {
  case 0:
    return (int64_t)m4_rng_below(rng, 3);
  case 1:
    return (int64_t)m4_rng_below(rng, 2000);
  case 2:
    return (int64_t)m4_rng_below(rng, 5);
  default:
    return (int64_t)m4_rng_below(rng, 1000000);
  }
}

static void test_order(void **state) {
  (void)state;
  pkt_event_queue queue;
  static model m;
  uint32_t ids[N_EVENTS];
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  uint64_t reserved = 0;
  memset(&m, 0, sizeof m);
  assert_int_equal(pkt_events_init(&queue, 1500, NULL), M4_OK);
  assert_int_equal(pkt_events_reserve(&queue, N_EVENTS, NULL), M4_OK);
  for (uint32_t i = 0; i < N_EVENTS; i++) ids[i] = pkt_event_new(&queue, (uint8_t)(i & 3), i);
  for (int step = 0; step < N_STEPS; step++) {
    int i = (int)m4_rng_below(&rng, N_EVENTS);
    if (m4_rng_below(&rng, 2)) {
      int first = first_of(&m);
      int64_t limit = queue.now_ns + (int64_t)m4_rng_below(&rng, 3000);
      uint32_t event = pkt_events_take(&queue, limit);
      if (first < 0 || m.time_ns[first] > limit) {
        assert_int_equal(event, PKT_NONE);
        pkt_events_skip_to(&queue, limit);
        continue;
      }
      assert_int_equal(event, ids[first]);
      assert_int_equal(queue.events[event].owner, first);
      assert_int_equal(queue.now_ns, m.time_ns[first]);
      assert_int_equal(queue.now_number, m.number[first]);
      m.pending[first] = false;
    } else if (m.pending[i]) {
      pkt_event_cancel(&queue, ids[i]);
      m.pending[i] = false;
    } else {
      m.time_ns[i] = queue.now_ns + some_delay(&rng);
      if (reserved == 0) reserved = ++queue.next_number; /* used later, after larger numbers */
      bool late = m4_rng_below(&rng, 3) == 0;
      m.number[i] = late ? reserved : ++queue.next_number;
      if (late) reserved = 0;
      m.pending[i] = true;
      pkt_event_at(&queue, ids[i], m.time_ns[i], m.number[i]);
    }
    uint32_t n_pending = 0;
    for (int j = 0; j < N_EVENTS; j++) n_pending += m.pending[j];
    assert_int_equal(pkt_events_pending(&queue), n_pending);
  }
  pkt_events_free(&queue);
}

static void test_growth_keeps_pending_events(void **state) {
  (void)state;
  pkt_event_queue queue;
  assert_int_equal(pkt_events_init(&queue, 100, NULL), M4_OK);
  for (uint32_t i = 0; i < 10000; i++) {
    assert_int_equal(pkt_events_reserve(&queue, 1, NULL), M4_OK);
    uint32_t event = pkt_event_new(&queue, 0, i);
    pkt_event_at(&queue, event, i * 7919 % 10000, queue.next_number++);
  }
  for (uint32_t i = 0; i < 10000; i++) {
    uint32_t event = pkt_events_take(&queue, INT64_MAX);
    assert_int_equal(queue.now_ns, i);
    assert_int_equal(queue.events[event].owner * 7919 % 10000, i);
    pkt_event_release(&queue, event);
  }
  assert_int_equal(pkt_events_take(&queue, INT64_MAX), PKT_NONE);
  assert_int_equal(queue.n_free, queue.capacity);
  pkt_events_free(&queue);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_order),
                                     cmocka_unit_test(test_growth_keeps_pending_events)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
