/* Pending events in (time, creation number) order. Near events sit in a wheel with one slot per nanosecond,
 * far ones in a binary heap; both are exact, so the border between them is only a matter of speed. Knows
 * nothing of packets. Source: packet-simulator.md 2 (event order). */
#ifndef SIM_PACKET_EVENT_QUEUE_H
#define SIM_PACKET_EVENT_QUEUE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define PKT_NONE UINT32_MAX /* no event, no packet */

/* An event belongs to whoever made it; it is idle or pending once. kind and owner are the maker's. */
typedef struct pkt_event {
  int64_t time_ns;
  uint64_t number; /* creation number: decides between events of one nanosecond */
  uint32_t next;   /* pending: next in its slot, or its place in the heap; released: next free */
  uint32_t owner;
  uint8_t kind;
  uint8_t place; /* pkt_event_place */
} pkt_event;

typedef enum pkt_event_place { PKT_IDLE, PKT_IN_WHEEL, PKT_IN_HEAP } pkt_event_place;

typedef struct pkt_far_event {
  int64_t time_ns;
  uint64_t number;
  uint32_t event;
} pkt_far_event;

typedef struct pkt_event_queue {
  int64_t now_ns;
  uint64_t now_number;  /* of the event being run */
  uint64_t next_number; /* take with ++ */
  pkt_event *events;    /* [capacity]; moves when it grows */
  uint32_t capacity, n_free, free;
  uint32_t *tail;     /* [slot_mask + 1] last event of each slot, a circular list; PKT_NONE when empty */
  uint64_t *occupied; /* one bit per slot */
  uint32_t slot_mask, n_in_wheel;
  pkt_far_event *heap; /* [capacity] */
  uint32_t n_in_heap;
} pkt_event_queue;

/* near_ns: how far ahead most events lie; the wheel covers at least that, up to a bound. */
m4_status pkt_events_init(pkt_event_queue *queue, int64_t near_ns, m4_error *err);
void pkt_events_free(pkt_event_queue *queue); /* a zeroed queue is accepted */

/* Makes sure that `count` calls of pkt_event_new will succeed. */
m4_status pkt_events_reserve(pkt_event_queue *queue, uint32_t count, m4_error *err);
uint32_t pkt_event_new(pkt_event_queue *queue, uint8_t kind,
                       uint32_t owner);                         /* idle; room must be reserved */
void pkt_event_release(pkt_event_queue *queue, uint32_t event); /* must be idle */

/* Makes an idle event pending at time_ns >= now with a number taken from next_number earlier or now. */
void pkt_event_at(pkt_event_queue *queue, uint32_t event, int64_t time_ns, uint64_t number);
void pkt_event_cancel(pkt_event_queue *queue, uint32_t event); /* idle events are accepted */

/* Takes the next event at or before limit_ns and moves the clock to it; PKT_NONE when there is none. */
uint32_t pkt_events_take(pkt_event_queue *queue, int64_t limit_ns);

/* Moves the clock forward when no event is pending before time_ns; all numbers taken so far count as past. */
void pkt_events_skip_to(pkt_event_queue *queue, int64_t time_ns);

static inline uint32_t pkt_events_pending(const pkt_event_queue *queue) {
  return queue->n_in_wheel + queue->n_in_heap;
}

#endif
