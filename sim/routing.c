/* Shortest paths by breadth-first search from the destination, and the ECMP choice. See routing.h; knows only
 * the topology.
 *
 * A table belongs to a destination, or to the one switch all hosts behind it share. It lists, for every node
 * that can choose, the links towards the destination in the order in which the search reached them: the
 * packet simulator's order. */
#include "sim/routing.h"

#include <stdlib.h>
#include <string.h>

typedef struct route_table {
  int32_t *begin; /* [n_choosers+1] */
  int32_t *links; /* candidates of chooser c: links[begin[c]] .. links[begin[c+1]-1] */
} route_table;

struct sim_routing {
  const sim_topology *topology;
  int32_t *near_begin; /* [n_nodes+1] neighbours of a node: hosts by id, then switches in descending id */
  int32_t *near_link;  /* the link to each neighbour; of parallel cables the last, as in the original */
  int32_t *chooser; /* [n_nodes] row in the tables: switches and hosts with several neighbours; -1 for simple
                       hosts */
  int32_t n_choosers;
  route_table *tables;       /* [n_nodes] by table owner, made on demand */
  int32_t *queue, *distance; /* [n_nodes] scratch of the search */
  bool *failed;              /* [n_links]; NULL until a link fails */
};

uint32_t sim_node_address(int32_t node) {
  uint32_t id = (uint32_t)node;
  return 0x0b000001u + (id / 256) * 0x10000u + (id % 256) * 0x100u;
}

static uint32_t rotate_left(uint32_t x, int bits) {
  return x << bits | x >> (32 - bits);
}

uint32_t sim_ecmp_hash(uint32_t source_address, uint32_t destination_address, uint16_t source_port,
                       uint16_t destination_port, uint32_t switch_id) {
  const uint32_t words[] = {source_address, destination_address,
                            source_port | (uint32_t)destination_port << 16};
  uint32_t h = switch_id;
  for (int i = 0; i < 3; i++) {
    h ^= rotate_left(words[i] * 0xcc9e2d51u, 15) * 0x1b873593u;
    h = rotate_left(h, 13) * 5 + 0xe6546b64u;
  }
  h ^= sizeof words;
  h = (h ^ h >> 16) * 0x85ebca6bu;
  h = (h ^ h >> 13) * 0xc2b2ae35u;
  return h ^ h >> 16;
}

/* ---- neighbours ---- */

typedef struct neighbour {
  int32_t node, link;
  bool is_switch;
} neighbour;

static int compare_neighbours(const void *left, const void *right) {
  const neighbour *a = left, *b = right;
  if (a->is_switch != b->is_switch) return a->is_switch - b->is_switch;
  if (a->node != b->node) return (a->node < b->node) == a->is_switch ? 1 : -1;
  return (a->link < b->link) - (a->link > b->link); /* last cable first: it is the one kept */
}

static void list_neighbours(sim_routing *routing, neighbour *scratch) {
  const sim_topology *topology = routing->topology;
  int32_t used = 0;
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    routing->near_begin[node] = used;
    int32_t first = topology->port_begin[node], count = topology->port_begin[node + 1] - first;
    for (int32_t i = 0; i < count; i++) {
      int32_t link = topology->port_link[first + i], to = topology->links[link].to;
      scratch[i] = (neighbour){to, link, topology->is_switch[to]};
    }
    if (count > 1) qsort(scratch, (size_t)count, sizeof *scratch, compare_neighbours);
    for (int32_t i = 0; i < count; i++)
      if (i == 0 || scratch[i].node != scratch[i - 1].node) routing->near_link[used++] = scratch[i].link;
  }
  routing->near_begin[topology->n_nodes] = used;
}

static int32_t neighbour_count(const sim_routing *routing, int32_t node) {
  return routing->near_begin[node + 1] - routing->near_begin[node];
}

m4_status sim_routing_create(sim_routing **out, const sim_topology *topology, m4_error *err) {
  *out = NULL;
  size_t nodes = (size_t)topology->n_nodes, links = (size_t)topology->n_links;
  sim_routing *routing = calloc(1, sizeof *routing);
  neighbour *scratch = calloc(links + 1, sizeof *scratch);
  if (routing) {
    routing->topology = topology;
    routing->near_begin = calloc(nodes + 1, sizeof *routing->near_begin);
    routing->near_link = calloc(links + 1, sizeof *routing->near_link);
    routing->chooser = calloc(nodes, sizeof *routing->chooser);
    routing->tables = calloc(nodes, sizeof *routing->tables);
    routing->queue = calloc(nodes, sizeof *routing->queue);
    routing->distance = calloc(nodes, sizeof *routing->distance);
  }
  if (!routing || !scratch || !routing->near_begin || !routing->near_link || !routing->chooser ||
      !routing->tables || !routing->queue || !routing->distance) {
    free(scratch);
    sim_routing_free(routing);
    return m4_fail(err, M4_MEMORY, "routing", "no memory for %zu nodes", nodes);
  }
  list_neighbours(routing, scratch);
  for (int32_t node = 0; node < topology->n_nodes; node++) {
    bool chooses = topology->is_switch[node] || neighbour_count(routing, node) > 1;
    routing->chooser[node] = chooses ? routing->n_choosers++ : -1;
  }
  free(scratch);
  *out = routing;
  return M4_OK;
}

static void forget_tables(sim_routing *routing) {
  for (int32_t node = 0; routing->tables && node < routing->topology->n_nodes; node++) {
    free(routing->tables[node].begin);
    free(routing->tables[node].links);
    routing->tables[node] = (route_table){0};
  }
}

void sim_routing_free(sim_routing *routing) {
  if (!routing) return;
  forget_tables(routing);
  free(routing->failed);
  free(routing->near_begin);
  free(routing->near_link);
  free(routing->chooser);
  free(routing->tables);
  free(routing->queue);
  free(routing->distance);
  free(routing);
}

/* ---- failed links ---- */

static bool is_up(const sim_routing *routing, int32_t link) {
  return !routing->failed || !routing->failed[link];
}

m4_status sim_routing_set_link(sim_routing *routing, int32_t link, bool up, m4_error *err) {
  if (!routing->failed)
    routing->failed = calloc((size_t)routing->topology->n_links + 1, sizeof *routing->failed);
  if (!routing->failed) return m4_fail(err, M4_MEMORY, "routing", "no memory for failed links");
  routing->failed[link] = !up;
  forget_tables(routing);
  return M4_OK;
}

/* ---- tables ---- */

/* Breadth-first from `owner`; hosts are reached but never passed through. Returns how many nodes were
 * expanded. */
static int32_t search(sim_routing *routing, int32_t owner) {
  const sim_topology *topology = routing->topology;
  int32_t count = 1;
  memset(routing->distance, -1, (size_t)topology->n_nodes * sizeof *routing->distance);
  routing->distance[owner] = 0;
  routing->queue[0] = owner;
  for (int32_t i = 0; i < count; i++) {
    int32_t now = routing->queue[i];
    for (int32_t j = routing->near_begin[now]; j < routing->near_begin[now + 1]; j++) {
      int32_t link = routing->near_link[j], next = topology->links[link].to;
      if (routing->distance[next] >= 0 || !is_up(routing, link ^ 1)) continue;
      routing->distance[next] = routing->distance[now] + 1;
      if (topology->is_switch[next]) routing->queue[count++] = next;
    }
  }
  return count;
}

/* Goes through the search again, once to count the candidates of each chooser and once (links != NULL) to
 * write them. The link towards the owner is the one `next` itself keeps for that neighbour: also the reverse
 * of near_link when cables are parallel, since both ends keep the last cable. */
static void collect(const sim_routing *routing, int32_t expanded, int32_t *fill, int32_t *links) {
  const sim_topology *topology = routing->topology;
  for (int32_t i = 0; i < expanded; i++) {
    int32_t now = routing->queue[i];
    for (int32_t j = routing->near_begin[now]; j < routing->near_begin[now + 1]; j++) {
      int32_t link = routing->near_link[j], next = topology->links[link].to, row = routing->chooser[next];
      if (row < 0 || routing->distance[next] != routing->distance[now] + 1 || !is_up(routing, link ^ 1))
        continue;
      if (links) links[fill[row]] = link ^ 1;
      fill[row]++;
    }
  }
}

static m4_status make_table(sim_routing *routing, int32_t owner, m4_error *err) {
  route_table table = {.begin = calloc((size_t)routing->n_choosers + 2, sizeof *table.begin)};
  if (!table.begin) return m4_fail(err, M4_MEMORY, "routing", "no memory for the table of node %d", owner);
  int32_t expanded = search(routing, owner);
  collect(routing, expanded, table.begin + 2, NULL);
  for (int32_t row = 0; row < routing->n_choosers; row++) table.begin[row + 2] += table.begin[row + 1];
  table.links = calloc((size_t)table.begin[routing->n_choosers + 1] + 1, sizeof *table.links);
  if (!table.links) {
    free(table.begin);
    return m4_fail(err, M4_MEMORY, "routing", "no memory for the table of node %d", owner);
  }
  collect(routing, expanded, table.begin + 1,
          table.links); /* moves begin[row+1] from row's start to its end */
  routing->tables[owner] = table;
  return M4_OK;
}

/* ---- questions ---- */

/* A host behind a single switch uses that switch's table; everybody else has an own one. */
static int32_t table_owner(const sim_routing *routing, int32_t destination) {
  if (neighbour_count(routing, destination) != 1) return destination;
  int32_t to = routing->topology->links[routing->near_link[routing->near_begin[destination]]].to;
  return routing->topology->is_switch[to] ? to : destination;
}

static m4_status no_path(m4_error *err, int32_t node, int32_t destination) {
  return m4_fail(err, M4_DATA, "routing", "there is no path from node %d to host %d", node, destination);
}

/* The link that a node without a choice takes, -1 when it leads nowhere: the switch in front of the
 * destination, or a host with one neighbour. */
static int32_t only_link(const sim_routing *routing, int32_t node, int32_t owner, int32_t destination) {
  const sim_topology *topology = routing->topology;
  if (node == owner) return routing->near_link[routing->near_begin[destination]] ^ 1;
  if (neighbour_count(routing, node) != 1) return -1;
  int32_t link = routing->near_link[routing->near_begin[node]], to = topology->links[link].to;
  return topology->is_switch[to] || to == destination ? link : -1;
}

int32_t sim_next_link(sim_routing *routing, int32_t node, int32_t source, int32_t destination,
                      uint16_t source_port, uint16_t destination_port, m4_error *err) {
  int32_t owner = table_owner(routing, destination), row = routing->chooser[node];
  if ((node == owner && node != destination) || row < 0) {
    int32_t link = only_link(routing, node, owner, destination);
    if (link >= 0 && is_up(routing, link)) return link;
    no_path(err, node, destination);
    return -1;
  }
  if (!routing->tables[owner].begin && make_table(routing, owner, err) != M4_OK) return -1;
  const route_table *table = &routing->tables[owner];
  uint32_t n = (uint32_t)(table->begin[row + 1] - table->begin[row]);
  if (n == 0) {
    no_path(err, node, destination);
    return -1;
  }
  uint32_t hash = n == 1 ? 0
                         : sim_ecmp_hash(sim_node_address(source), sim_node_address(destination), source_port,
                                         destination_port, (uint32_t)node);
  return table->links[table->begin[row] + (int32_t)(hash % n)];
}

m4_status sim_route(sim_routing *routing, int32_t source, int32_t destination, uint16_t source_port,
                    uint16_t destination_port, int32_t *links, int32_t capacity, int32_t *n_links,
                    m4_error *err) {
  *n_links = 0;
  if (source == destination) return no_path(err, source, destination);
  m4_error inner = {0}; /* err may be NULL, the status may not get lost */
  for (int32_t node = source; node != destination;) {
    if (*n_links == capacity)
      return m4_fail(err, M4_DATA, "routing", "the path from %d to %d has more than %d links", source,
                     destination, capacity);
    int32_t link = sim_next_link(routing, node, source, destination, source_port, destination_port, &inner);
    if (link < 0) {
      if (err) *err = inner;
      return inner.status;
    }
    links[(*n_links)++] = link;
    node = routing->topology->links[link].to;
  }
  return M4_OK;
}
