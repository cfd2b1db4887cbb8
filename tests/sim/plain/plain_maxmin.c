/* Water filling with residual capacities and a lazy heap; see plain_maxmin.h. Does not know time or sizes.
 *
 * The link with the smallest share (residual capacity / flows without a rate) fixes its flows at that share.
 * Shares only grow while flows are fixed, so a heap entry may be stale on the low side: it is brought up to
 * date when it reaches the top. */
#include "tests/sim/plain/plain_maxmin.h"

#include <stdlib.h>

enum { NONE = -1 };

/* A link with flows; the heap's order is (share, rank of the link). */
typedef struct heap_entry {
  double share;
  int32_t link;
} heap_entry;

struct plain_maxmin {
  const sim_flow *flows;
  /* Edges: one per (flow, hop); those of flow f start at edge_begin[f]. Active ones form a list per link. */
  int64_t *edge_begin;            /* [n_flows+1] */
  int64_t *edge_flow;             /* [edges] */
  int64_t *edge_next, *edge_prev; /* [edges] */
  double *rate;                   /* [n_flows] */
  uint64_t *fixed_in;             /* [n_flows] number of the fill that fixed the flow's rate */
  uint64_t fill;
  /* Links. */
  double *capacity, *residual; /* [n_links] bytes/ns */
  int64_t *head;               /* [n_links] first active edge */
  int64_t *count, *unfixed;    /* [n_links] active flows; those without a rate in this fill */
  int32_t *rank;               /* [n_links] place in (from, to) order */
  int32_t *busy, *busy_place;  /* links with active flows, and each link's place among them */
  int32_t n_busy;
  heap_entry *heap; /* [n_links] */
  int32_t heap_size;
};

/* ---- making ---- */

typedef struct ranked_link {
  int32_t from, to, link;
} ranked_link;

static int compare_ends(const void *left, const void *right) {
  const ranked_link *a = left, *b = right;
  if (a->from != b->from) return a->from < b->from ? -1 : 1;
  if (a->to != b->to) return a->to < b->to ? -1 : 1;
  return a->link < b->link ? -1 : 1;
}

static bool rank_links(plain_maxmin *fair, const sim_topology *topology) {
  ranked_link *order = calloc((size_t)topology->n_links + 1, sizeof *order);
  if (!order) return false;
  for (int32_t link = 0; link < topology->n_links; link++)
    order[link] = (ranked_link){topology->links[link].from, topology->links[link].to, link};
  qsort(order, (size_t)topology->n_links, sizeof *order, compare_ends);
  for (int32_t i = 0; i < topology->n_links; i++) fair->rank[order[i].link] = i;
  free(order);
  return true;
}

static bool allocate(plain_maxmin *fair, size_t n_flows, size_t n_links) {
  size_t edges = (size_t)fair->edge_begin[n_flows] + 1;
  fair->edge_flow = calloc(edges, sizeof *fair->edge_flow);
  fair->edge_next = calloc(edges, sizeof *fair->edge_next);
  fair->edge_prev = calloc(edges, sizeof *fair->edge_prev);
  fair->rate = calloc(n_flows + 1, sizeof *fair->rate);
  fair->fixed_in = calloc(n_flows + 1, sizeof *fair->fixed_in);
  fair->capacity = calloc(n_links + 1, sizeof *fair->capacity);
  fair->residual = calloc(n_links + 1, sizeof *fair->residual);
  fair->head = calloc(n_links + 1, sizeof *fair->head);
  fair->count = calloc(n_links + 1, sizeof *fair->count);
  fair->unfixed = calloc(n_links + 1, sizeof *fair->unfixed);
  fair->rank = calloc(n_links + 1, sizeof *fair->rank);
  fair->busy = calloc(n_links + 1, sizeof *fair->busy);
  fair->busy_place = calloc(n_links + 1, sizeof *fair->busy_place);
  fair->heap = calloc(n_links + 1, sizeof *fair->heap);
  return fair->edge_flow && fair->edge_next && fair->edge_prev && fair->rate && fair->fixed_in &&
         fair->capacity && fair->residual && fair->head && fair->count && fair->unfixed && fair->rank &&
         fair->busy && fair->busy_place && fair->heap;
}

m4_status plain_maxmin_create(plain_maxmin **out, const sim_topology *topology, const sim_flow *flows,
                              int64_t n_flows, m4_error *err) {
  *out = NULL;
  plain_maxmin *fair = calloc(1, sizeof *fair);
  if (fair) fair->edge_begin = calloc((size_t)n_flows + 1, sizeof *fair->edge_begin);
  bool ready = fair && fair->edge_begin;
  for (int64_t flow = 0; ready && flow < n_flows; flow++)
    fair->edge_begin[flow + 1] = fair->edge_begin[flow] + flows[flow].n_links;
  if (!ready || !allocate(fair, (size_t)n_flows, (size_t)topology->n_links) || !rank_links(fair, topology)) {
    plain_maxmin_free(fair);
    return m4_fail(err, M4_MEMORY, "flowsim", "no memory for %lld flows", (long long)n_flows);
  }
  fair->flows = flows;
  for (int64_t flow = 0; flow < n_flows; flow++)
    for (int64_t edge = fair->edge_begin[flow]; edge < fair->edge_begin[flow + 1]; edge++)
      fair->edge_flow[edge] = flow;
  for (int32_t link = 0; link < topology->n_links; link++) {
    fair->head[link] = NONE;
    fair->capacity[link] = (double)topology->links[link].rate_bps / 8e9;
  }
  *out = fair;
  return M4_OK;
}

void plain_maxmin_free(plain_maxmin *fair) {
  if (!fair) return;
  void *parts[] = {fair->edge_begin, fair->edge_flow, fair->edge_next, fair->edge_prev,  fair->rate,
                   fair->fixed_in,   fair->capacity,  fair->residual,  fair->head,       fair->count,
                   fair->unfixed,    fair->rank,      fair->busy,      fair->busy_place, fair->heap};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) free(parts[i]);
  free(fair);
}

/* ---- the set of active flows ---- */

static void add_edge(plain_maxmin *fair, int64_t edge, int32_t link) {
  fair->edge_prev[edge] = NONE;
  fair->edge_next[edge] = fair->head[link];
  if (fair->head[link] != NONE) fair->edge_prev[fair->head[link]] = edge;
  fair->head[link] = edge;
  if (fair->count[link]++ == 0) {
    fair->busy_place[link] = fair->n_busy;
    fair->busy[fair->n_busy++] = link;
  }
}

static void remove_edge(plain_maxmin *fair, int64_t edge, int32_t link) {
  int64_t next = fair->edge_next[edge], prev = fair->edge_prev[edge];
  if (next != NONE) fair->edge_prev[next] = prev;
  if (prev != NONE)
    fair->edge_next[prev] = next;
  else
    fair->head[link] = next;
  if (--fair->count[link] == 0) {
    int32_t last = fair->busy[--fair->n_busy], place = fair->busy_place[link];
    fair->busy[place] = last;
    fair->busy_place[last] = place;
  }
}

void plain_maxmin_add(plain_maxmin *fair, int64_t flow) {
  for (int32_t hop = 0; hop < fair->flows[flow].n_links; hop++)
    add_edge(fair, fair->edge_begin[flow] + hop, fair->flows[flow].links[hop]);
}

void plain_maxmin_remove(plain_maxmin *fair, int64_t flow) {
  for (int32_t hop = 0; hop < fair->flows[flow].n_links; hop++)
    remove_edge(fair, fair->edge_begin[flow] + hop, fair->flows[flow].links[hop]);
}

void plain_maxmin_set_capacity(plain_maxmin *fair, int32_t link, double bytes_per_ns) {
  fair->capacity[link] = bytes_per_ns;
}

double plain_maxmin_rate(const plain_maxmin *fair, int64_t flow) {
  return fair->rate[flow];
}

/* ---- water filling ---- */

static bool before(const plain_maxmin *fair, const heap_entry *a, const heap_entry *b) {
  if (a->share != b->share) return a->share < b->share;
  return fair->rank[a->link] < fair->rank[b->link];
}

static void sift_down(plain_maxmin *fair, int32_t place) {
  heap_entry moving = fair->heap[place];
  for (int32_t child; (child = 2 * place + 1) < fair->heap_size; place = child) {
    if (child + 1 < fair->heap_size && before(fair, &fair->heap[child + 1], &fair->heap[child])) child++;
    if (!before(fair, &fair->heap[child], &moving)) break;
    fair->heap[place] = fair->heap[child];
  }
  fair->heap[place] = moving;
}

static void pop(plain_maxmin *fair) {
  fair->heap[0] = fair->heap[--fair->heap_size];
  if (fair->heap_size > 0) sift_down(fair, 0);
}

static double share_of(const plain_maxmin *fair, int32_t link) {
  return fair->residual[link] / (double)fair->unfixed[link];
}

static void make_heap(plain_maxmin *fair) {
  fair->heap_size = fair->n_busy;
  for (int32_t i = 0; i < fair->n_busy; i++) {
    int32_t link = fair->busy[i];
    fair->residual[link] = fair->capacity[link];
    fair->unfixed[link] = fair->count[link];
    fair->heap[i] = (heap_entry){share_of(fair, link), link};
  }
  for (int32_t i = fair->heap_size / 2 - 1; i >= 0; i--) sift_down(fair, i);
}

static void fix_rate(plain_maxmin *fair, int64_t flow, double rate) {
  fair->rate[flow] = rate;
  fair->fixed_in[flow] = fair->fill;
  for (int32_t hop = 0; hop < fair->flows[flow].n_links; hop++) {
    int32_t link = fair->flows[flow].links[hop];
    fair->residual[link] -= rate;
    fair->unfixed[link]--;
  }
}

void plain_maxmin_fill(plain_maxmin *fair) {
  fair->fill++;
  make_heap(fair);
  while (fair->heap_size > 0) {
    int32_t link = fair->heap[0].link;
    double share = fair->unfixed[link] > 0 ? share_of(fair, link) : 0;
    if (share > fair->heap[0].share) { /* stale: back into the heap with today's share */
      fair->heap[0].share = share;
      sift_down(fair, 0);
      continue;
    }
    pop(fair);
    for (int64_t edge = fair->head[link]; edge != NONE && fair->unfixed[link] > 0;
         edge = fair->edge_next[edge])
      if (fair->fixed_in[fair->edge_flow[edge]] != fair->fill) fix_rate(fair, fair->edge_flow[edge], share);
  }
}
