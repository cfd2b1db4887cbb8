/* Counts of a cluster file. See cluster_json.h. */
#include "datagen/cluster_json.h"

#include "datagen/json.h"

enum { MAX_COUNT = 1 << 16 };

typedef struct cluster {
  const char *path;
  json_t *root;
  sim_clos *shape;
} cluster;

/* The list's length, the same each time: *count is 0 the first time. */
static m4_status count_list(int32_t *count, const cluster *in, const char *key, const json_t *list,
                            m4_error *err) {
  size_t n = json_array_size(list);
  if (n < 1 || n > MAX_COUNT)
    return dg_json_fail(in->path, key, err, "must be a list of 1 to %d entries", MAX_COUNT);
  if (*count != 0 && *count != (int32_t)n)
    return dg_json_fail(in->path, key, err, "has %zu entries, elsewhere %d: the fabric is not regular", n,
                        *count);
  *count = (int32_t)n;
  return M4_OK;
}

static m4_status same_value(int64_t *value, const cluster *in, const char *key, const json_t *link,
                            const char *name, m4_error *err) {
  const json_t *number = json_object_get(link, name);
  double found = json_is_number(number) ? json_number_value(number) : -1;
  if (!(found >= 1 && found <= 1e15))
    return dg_json_fail(in->path, key, err, "a link has no sensible %s", name);
  if (*value != 0 && *value != (int64_t)found)
    return dg_json_fail(in->path, key, err, "%s is %.0f, elsewhere %lld: one value per tier is supported",
                        name, found, (long long)*value);
  *value = (int64_t)found;
  return M4_OK;
}

/* `expected` links of one tier. */
static m4_status read_links(int64_t *rate_bps, const cluster *in, const char *key, const json_t *links,
                            int64_t expected, m4_error *err) {
  if ((int64_t)json_array_size(links) != expected)
    return dg_json_fail(in->path, key, err, "has %zu links, the fabric needs %lld", json_array_size(links),
                        (long long)expected);
  for (size_t i = 0; i < json_array_size(links); ++i) {
    const json_t *link = json_array_get(links, i);
    M4_TRY(same_value(rate_bps, in, key, link, "bandwidth", err));
    M4_TRY(same_value(&in->shape->delay_ns, in, key, link, "delay", err));
  }
  return M4_OK;
}

static m4_status read_pod(const cluster *in, const json_t *pod, m4_error *err) {
  sim_clos *shape = in->shape;
  const json_t *racks = json_object_get(pod, "racks");
  M4_TRY(count_list(&shape->fabrics_per_pod, in, "pods.fabs", json_object_get(pod, "fabs"), err));
  M4_TRY(count_list(&shape->racks_per_pod, in, "pods.racks", racks, err));
  for (int32_t i = 0; i < shape->racks_per_pod; ++i) {
    const json_t *rack = json_array_get(racks, (size_t)i);
    M4_TRY(count_list(&shape->hosts_per_rack, in, "pods.racks.hosts", json_object_get(rack, "hosts"), err));
    M4_TRY(read_links(&shape->host_rate_bps, in, "pods.racks.host2tor", json_object_get(rack, "host2tor"),
                      shape->hosts_per_rack, err));
  }
  return read_links(&shape->fabric_rate_bps, in, "pods.tor2fab", json_object_get(pod, "tor2fab"),
                    (int64_t)shape->racks_per_pod * shape->fabrics_per_pod, err);
}

static m4_status read_cluster(const cluster *in, m4_error *err) {
  sim_clos *shape = in->shape;
  const json_t *pods = json_object_get(in->root, "pods"), *planes = json_object_get(in->root, "planes");
  M4_TRY(count_list(&shape->pods, in, "pods", pods, err));
  for (int32_t i = 0; i < shape->pods; ++i) M4_TRY(read_pod(in, json_array_get(pods, (size_t)i), err));
  int32_t n_planes = shape->fabrics_per_pod; /* one per fabric switch of a pod */
  M4_TRY(count_list(&n_planes, in, "planes", planes, err));
  for (int32_t i = 0; i < n_planes; ++i)
    M4_TRY(count_list(&shape->spines_per_plane, in, "planes", json_array_get(planes, (size_t)i), err));
  return read_links(&shape->spine_rate_bps, in, "fab2spine", json_object_get(in->root, "fab2spine"),
                    (int64_t)shape->pods * shape->fabrics_per_pod * shape->spines_per_plane, err);
}

m4_status dg_cluster_read(sim_clos *shape, const char *path, m4_error *err) {
  cluster in = {.path = path, .shape = shape};
  *shape = (sim_clos){0};
  M4_TRY(dg_json_read(&in.root, path, err));
  m4_status status = read_cluster(&in, err);
  json_decref(in.root);
  return status;
}
