/* See event_queue.h. A slot's list is kept in number order; new numbers are nearly always the largest, so
 * adding is an append. */
#include "sim/packet/event_queue.h"

#include <stdlib.h>
#include <string.h>

enum { MIN_SLOTS = 1024, MAX_SLOTS = 1 << 17, FIRST_CAPACITY = 1024 };

m4_status pkt_events_init(pkt_event_queue *queue, int64_t near_ns, m4_error *err) {
  memset(queue, 0, sizeof *queue);
  uint32_t slots = MIN_SLOTS;
  while (slots < MAX_SLOTS && slots <= near_ns) slots *= 2;
  queue->slot_mask = slots - 1;
  queue->free = PKT_NONE;
  queue->tail = malloc(slots * sizeof *queue->tail);
  queue->occupied = calloc(slots / 64, sizeof *queue->occupied);
  if (!queue->tail || !queue->occupied) {
    pkt_events_free(queue);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %u event slots", slots);
  }
  memset(queue->tail, 0xff, slots * sizeof *queue->tail);
  return M4_OK;
}

void pkt_events_free(pkt_event_queue *queue) {
  free(queue->events);
  free(queue->tail);
  free(queue->occupied);
  free(queue->heap);
  memset(queue, 0, sizeof *queue);
}

static m4_status grow(pkt_event_queue *queue, uint32_t capacity, m4_error *err) {
  pkt_event *events = realloc(queue->events, capacity * sizeof *events);
  if (events) queue->events = events;
  pkt_far_event *heap = realloc(queue->heap, capacity * sizeof *heap);
  if (heap) queue->heap = heap;
  if (!events || !heap) return m4_fail(err, M4_MEMORY, NULL, "no memory for %u packets and events", capacity);
  for (uint32_t i = capacity; i-- > queue->capacity;) {
    queue->events[i] = (pkt_event){.next = queue->free};
    queue->free = i;
  }
  queue->n_free += capacity - queue->capacity;
  queue->capacity = capacity;
  return M4_OK;
}

m4_status pkt_events_reserve(pkt_event_queue *queue, uint32_t count, m4_error *err) {
  if (queue->n_free >= count) return M4_OK;
  uint64_t capacity = queue->capacity ? 2 * (uint64_t)queue->capacity : FIRST_CAPACITY;
  uint64_t needed = (uint64_t)queue->capacity - queue->n_free + count;
  while (capacity < needed) capacity *= 2;
  if (capacity > UINT32_MAX / 2)
    return m4_fail(err, M4_MEMORY, NULL, "more than %u packets and events", UINT32_MAX / 2);
  return grow(queue, (uint32_t)capacity, err);
}

uint32_t pkt_event_new(pkt_event_queue *queue, uint8_t kind, uint32_t owner) {
  uint32_t event = queue->free;
  pkt_event *e = &queue->events[event];
  queue->free = e->next;
  queue->n_free--;
  e->kind = kind;
  e->owner = owner;
  return event;
}

void pkt_event_release(pkt_event_queue *queue, uint32_t event) {
  queue->events[event].next = queue->free;
  queue->free = event;
  queue->n_free++;
}

/* ---- wheel ---- */

static void wheel_add(pkt_event_queue *queue, uint32_t event) {
  pkt_event *e = &queue->events[event];
  uint32_t slot = (uint32_t)e->time_ns & queue->slot_mask;
  uint32_t tail = queue->tail[slot];
  queue->n_in_wheel++;
  e->place = PKT_IN_WHEEL;
  if (tail == PKT_NONE) {
    e->next = event;
    queue->tail[slot] = event;
    queue->occupied[slot >> 6] |= 1ull << (slot & 63);
    return;
  }
  uint32_t before = tail;
  bool last = queue->events[tail].number < e->number;
  if (!last)
    while (queue->events[queue->events[before].next].number < e->number) before = queue->events[before].next;
  e->next = queue->events[before].next;
  queue->events[before].next = event;
  if (last) queue->tail[slot] = event;
}

/* Unlinks the event after `before` from its slot. */
static void wheel_unlink(pkt_event_queue *queue, uint32_t slot, uint32_t before) {
  uint32_t event = queue->events[before].next;
  if (event == before) {
    queue->tail[slot] = PKT_NONE;
    queue->occupied[slot >> 6] &= ~(1ull << (slot & 63));
  } else {
    queue->events[before].next = queue->events[event].next;
    if (queue->tail[slot] == event) queue->tail[slot] = before;
  }
  queue->events[event].place = PKT_IDLE;
  queue->n_in_wheel--;
}

/* First occupied slot from now on; the wheel is not empty. */
static uint32_t wheel_first(const pkt_event_queue *queue) {
  uint32_t start = (uint32_t)queue->now_ns & queue->slot_mask;
  uint32_t n_words = (queue->slot_mask + 1) / 64, word = start >> 6;
  uint64_t bits = queue->occupied[word] & (~0ull << (start & 63));
  while (!bits) {
    word = word + 1 == n_words ? 0 : word + 1;
    bits = queue->occupied[word];
  }
  return word * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* ---- heap ---- */

static bool earlier(const pkt_far_event *a, const pkt_far_event *b) {
  return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

static void heap_put(pkt_event_queue *queue, uint32_t place, pkt_far_event entry) {
  queue->heap[place] = entry;
  queue->events[entry.event].next = place;
}

/* Finds the place of `entry` starting from a hole at `place`. */
static void heap_settle(pkt_event_queue *queue, uint32_t place, pkt_far_event entry) {
  pkt_far_event *heap = queue->heap;
  while (place > 0 && earlier(&entry, &heap[(place - 1) / 2])) {
    heap_put(queue, place, heap[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  for (uint32_t child; (child = 2 * place + 1) < queue->n_in_heap; place = child) {
    if (child + 1 < queue->n_in_heap && earlier(&heap[child + 1], &heap[child])) child++;
    if (!earlier(&heap[child], &entry)) break;
    heap_put(queue, place, heap[child]);
  }
  heap_put(queue, place, entry);
}

static void heap_remove(pkt_event_queue *queue, uint32_t event) {
  uint32_t place = queue->events[event].next;
  pkt_far_event last = queue->heap[--queue->n_in_heap];
  if (last.event != event) heap_settle(queue, place, last);
  queue->events[event].place = PKT_IDLE;
}

/* ---- both ---- */

void pkt_event_at(pkt_event_queue *queue, uint32_t event, int64_t time_ns, uint64_t number) {
  pkt_event *e = &queue->events[event];
  e->time_ns = time_ns;
  e->number = number;
  if (time_ns - queue->now_ns <= queue->slot_mask) {
    wheel_add(queue, event);
  } else {
    e->place = PKT_IN_HEAP;
    queue->n_in_heap++;
    heap_settle(queue, queue->n_in_heap - 1, (pkt_far_event){time_ns, number, event});
  }
}

void pkt_event_cancel(pkt_event_queue *queue, uint32_t event) {
  const pkt_event *e = &queue->events[event];
  if (e->place == PKT_IN_HEAP) heap_remove(queue, event);
  if (e->place != PKT_IN_WHEEL) return;
  uint32_t slot = (uint32_t)e->time_ns & queue->slot_mask;
  uint32_t before = queue->tail[slot];
  while (queue->events[before].next != event) before = queue->events[before].next;
  wheel_unlink(queue, slot, before);
}

uint32_t pkt_events_take(pkt_event_queue *queue, int64_t limit_ns) {
  uint32_t slot = 0, event = PKT_NONE;
  if (queue->n_in_wheel) {
    slot = wheel_first(queue);
    event = queue->events[queue->tail[slot]].next;
  }
  bool far = false;
  if (queue->n_in_heap) {
    const pkt_far_event *top = &queue->heap[0];
    far = event == PKT_NONE ||
          earlier(top, &(pkt_far_event){queue->events[event].time_ns, queue->events[event].number, event});
    if (far) event = top->event;
  }
  if (event == PKT_NONE || queue->events[event].time_ns > limit_ns) return PKT_NONE;
  if (far)
    heap_remove(queue, event);
  else
    wheel_unlink(queue, slot, queue->tail[slot]);
  queue->now_ns = queue->events[event].time_ns;
  queue->now_number = queue->events[event].number;
  return event;
}

void pkt_events_skip_to(pkt_event_queue *queue, int64_t time_ns) {
  if (time_ns < queue->now_ns) return;
  queue->now_ns = time_ns;
  queue->now_number = queue->next_number;
}
