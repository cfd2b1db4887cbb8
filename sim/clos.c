/* The three-tier Clos fabric: ids in blocks, cables in the reference's order. Source: workloads.md 1.1, 1.2.
 */
#include "sim/topology.h"

#include <stdlib.h>

/* First id of each tier and the counts the loops need; 64-bit so that overflow is seen before anything is
 * allocated. */
typedef struct clos_ids {
  int64_t tor, fabric, spine, n_nodes, n_cables;
} clos_ids;

static m4_status count(const sim_clos *shape, clos_ids *ids, m4_error *err) {
  const int32_t counts[] = {shape->pods, shape->fabrics_per_pod, shape->racks_per_pod, shape->hosts_per_rack,
                            shape->spines_per_plane};
  for (int i = 0; i < 5; i++)
    if (counts[i] < 1 || counts[i] > 1 << 16)
      return m4_fail(err, M4_DATA, "Clos shape", "a count is %d, must be between 1 and 65536", counts[i]);
  int64_t p = shape->pods, f = shape->fabrics_per_pod, r = shape->racks_per_pod, h = shape->hosts_per_rack,
          s = shape->spines_per_plane;
  ids->tor = p * r * h;
  ids->fabric = ids->tor + p * r;
  ids->spine = ids->fabric + p * f;
  ids->n_nodes = ids->spine + f * s;
  ids->n_cables = p * r * h + p * r * f + p * f * s;
  if (ids->n_nodes > INT32_MAX / 4 || ids->n_cables > INT32_MAX / 4)
    return m4_fail(err, M4_DATA, "Clos shape", "%lld nodes and %lld cables are too many",
                   (long long)ids->n_nodes, (long long)ids->n_cables);
  return M4_OK;
}

/* All fabric-spine, then per pod all ToR-fabric, then that pod's host-ToR; lower tier first. */
static void lay_cables(const sim_clos *shape, const clos_ids *ids, sim_cable *cable) {
  int32_t tor = (int32_t)ids->tor, fabric = (int32_t)ids->fabric, spine = (int32_t)ids->spine;
  int32_t f = shape->fabrics_per_pod, r = shape->racks_per_pod, h = shape->hosts_per_rack,
          s = shape->spines_per_plane;
  for (int32_t pod = 0; pod < shape->pods; pod++)
    for (int32_t k = 0; k < f; k++)
      for (int32_t i = 0; i < s; i++)
        *cable++ =
            (sim_cable){fabric + pod * f + k, spine + k * s + i, shape->spine_rate_bps, shape->delay_ns};
  for (int32_t pod = 0; pod < shape->pods; pod++) {
    for (int32_t rack = 0; rack < r; rack++)
      for (int32_t k = 0; k < f; k++)
        *cable++ =
            (sim_cable){tor + pod * r + rack, fabric + pod * f + k, shape->fabric_rate_bps, shape->delay_ns};
    for (int32_t rack = 0; rack < r; rack++)
      for (int32_t i = 0; i < h; i++)
        *cable++ = (sim_cable){(pod * r + rack) * h + i, tor + pod * r + rack, shape->host_rate_bps,
                               shape->delay_ns};
  }
}

/* Line 2 of the file: spines, then per pod fabrics and ToRs. */
static void list_switches(const sim_clos *shape, const clos_ids *ids, int32_t *next) {
  for (int32_t node = (int32_t)ids->spine; node < ids->n_nodes; node++) *next++ = node;
  for (int32_t pod = 0; pod < shape->pods; pod++) {
    for (int32_t k = 0; k < shape->fabrics_per_pod; k++)
      *next++ = (int32_t)ids->fabric + pod * shape->fabrics_per_pod + k;
    for (int32_t i = 0; i < shape->racks_per_pod; i++)
      *next++ = (int32_t)ids->tor + pod * shape->racks_per_pod + i;
  }
}

m4_status sim_topology_clos(sim_topology **topology, const sim_clos *shape, m4_error *err) {
  *topology = NULL;
  clos_ids ids = {0};
  M4_TRY(count(shape, &ids, err));
  int32_t n_switches = (int32_t)(ids.n_nodes - ids.tor);
  sim_cable *cables = calloc((size_t)ids.n_cables, sizeof *cables);
  int32_t *switches = calloc((size_t)n_switches, sizeof *switches);
  m4_status status;
  if (cables && switches) {
    lay_cables(shape, &ids, cables);
    list_switches(shape, &ids, switches);
    status = sim_topology_create(topology, (int32_t)ids.n_nodes, switches, n_switches, cables,
                                 (int32_t)ids.n_cables, err);
  } else {
    status = m4_fail(err, M4_MEMORY, "Clos shape", "no memory for %lld cables", (long long)ids.n_cables);
  }
  free(cables);
  free(switches);
  return status;
}
