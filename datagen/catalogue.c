/* File names of mixes. See catalogue.h. */
#include "datagen/catalogue.h"

#include "base/file.h"
#include "datagen/cluster_json.h"

#include <stdio.h>
#include <string.h>

/* The last component without ".json" or ".txt". */
static void base_name(char out[DG_NAME_BYTES], const char *name) {
  const char *slash = strrchr(name, '/');
  snprintf(out, DG_NAME_BYTES, "%s", slash ? slash + 1 : name);
  char *dot = strrchr(out, '.');
  if (dot && (strcmp(dot, ".json") == 0 || strcmp(dot, ".txt") == 0)) *dot = '\0';
}

/* True when the whole text matched: the format ends with "%n" into `end`, which is -1 before. */
static bool is_all(const char *text, int end) {
  return end >= 0 && text[end] == '\0';
}

static bool is_file(dg_found *found, const dg_catalogue *catalogue, const char *name) {
  if (catalogue->mix_folder[0] && name[0] != '/' &&
      m4_path_join(found->path, sizeof found->path, catalogue->mix_folder, name, NULL) == M4_OK &&
      m4_file_exists(found->path))
    return true;
  if (strlen(name) >= sizeof found->path || !m4_file_exists(name)) return false;
  memcpy(found->path, name, strlen(name) + 1);
  return true;
}

static m4_status take_stand_in(dg_found *found, const dg_catalogue *catalogue, const char *folder,
                               const char *file, m4_error *err) {
  char below[DG_NAME_BYTES];
  M4_TRY(m4_path_join(below, sizeof below, folder, file, err));
  M4_TRY(m4_path_join(found->path, sizeof found->path, catalogue->workloads, below, err));
  found->stand_in = true;
  if (m4_file_exists(found->path)) return M4_OK;
  m4_status status = m4_fail(err, M4_IO, found->path, "the stand-in is not there");
  return m4_hint(err, status, "key workloads names the folder of stand-ins");
}

static m4_status fail_unknown(const char *name, const char *known, m4_error *err) {
  m4_status status = m4_fail(err, M4_IO, name, "no such file, and not a published name");
  return m4_hint(err, status, "published names: %s", known);
}

/* ---- matrices ---- */

/* The stand-in for "cluster_c_2_4" (2 pods of 4 racks), "cluster_b" (the whole table, here 8 x 48), and
 * "cluster_b_12k": the same on 12k hosts, which are 12/6 times its pods. */
static bool parse_matrix(const char *base, char file[64], int32_t *copies) {
  char letter[2] = "";
  int pods = 8, racks = 48, thousands = 6, end = -1;
  bool small =
      sscanf(base, "cluster_%1[abcd]_%2d_%2d%n", letter, &pods, &racks, &end) == 3 && is_all(base, end);
  bool whole = !small && sscanf(base, "cluster_%1[abcd]%n", letter, &end) == 1 && is_all(base, end);
  bool enlarged = !small && !whole && sscanf(base, "cluster_%1[b]_%2dk%n", letter, &thousands, &end) == 2 &&
                  is_all(base, end) && thousands >= 6 && thousands % 6 == 0;
  if (!small) pods = 8, racks = 48;
  snprintf(file, 64, "%s_like_%dx%d.csv", letter, pods, racks);
  *copies = enlarged ? thousands / 6 : 1;
  return small || whole || enlarged;
}

m4_status dg_find_matrix(dg_found *found, const dg_catalogue *catalogue, const char *name, m4_error *err) {
  char base[DG_NAME_BYTES], file[64];
  *found = (dg_found){.copies = 1};
  if (is_file(found, catalogue, name)) return M4_OK;
  base_name(base, name);
  if (!parse_matrix(base, file, &found->copies))
    return fail_unknown(name, "cluster_{a,b,c,d}_P_R, cluster_{a,b,c,d}, cluster_b_{12,24,36,48,60}k", err);
  return take_stand_in(found, catalogue, "spatial-standin", file, err);
}

/* ---- sizes ---- */

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

static m4_status find_atoms(dg_found *found, const dg_catalogue *catalogue, const char *name, m4_error *err) {
  dg_found file = {0};
  if (!is_file(&file, catalogue, name)) return m4_fail(err, M4_IO, name, "no such file");
  if (snprintf(found->path, sizeof found->path, "atoms:%s", file.path) >= (int)sizeof found->path)
    return m4_fail(err, M4_USAGE, name, "the name is too long");
  return M4_OK;
}

m4_status dg_find_sizes(dg_found *found, const dg_catalogue *catalogue, const char *name, m4_error *err) {
  static const char *const measured[] = {"webserver", "hadoop", "cachefollower"};
  char base[DG_NAME_BYTES], published[64], file[64];
  int index, end = -1;
  *found = (dg_found){.copies = 1};
  if (has_prefix(name, "atoms:")) return find_atoms(found, catalogue, name + strlen("atoms:"), err);
  if (is_file(found, catalogue, name)) return M4_OK;
  base_name(base, name);
  bool series = sscanf(base, "sync-all-%4d%n", &index, &end) == 1 && is_all(base, end);
  bool ours = !series && sscanf(name, "synthetic:%4d%n", &index, &end) == 1 && is_all(name, end);
  if ((series || ours) && index >= 0) {
    snprintf(found->path, sizeof found->path, "synthetic:%d", index);
    found->stand_in = series;
    return M4_OK;
  }
  for (size_t i = 0; i < sizeof measured / sizeof *measured; ++i) {
    snprintf(published, sizeof published, "%s-all", measured[i]);
    snprintf(file, sizeof file, "%s_like.txt", measured[i]);
    if (strcmp(base, published) == 0) return take_stand_in(found, catalogue, "cdf-standin", file, err);
  }
  return fail_unknown(name, "webserver-all, hadoop-all, cachefollower-all, sync-all-0 to sync-all-1999", err);
}

/* ---- clusters ---- */

/* Pods, fabrics per pod, racks per pod, hosts per rack of "cluster_N_to_1<suffix>". */
static const struct {
  const char *prefix, *suffix;
  int32_t pods, fabrics, racks, hosts;
} clusters[] = {{"cluster_", "_eval_train", 2, 1, 4, 4},  {"cluster_", "_eval_app", 2, 4, 8, 16},
                {"cluster_", "_eval_test", 4, 4, 16, 16}, {"cluster_", "", 2, 2, 16, 8},
                {"cluster_b_", "_m4", 8, 4, 48, 16},      {"cluster_b_", "_6k", 8, 4, 48, 16},
                {"cluster_b_", "_12k", 16, 4, 48, 16},    {"cluster_b_", "_24k", 32, 4, 48, 16},
                {"cluster_b_", "_36k", 48, 4, 48, 16},    {"cluster_b_", "_48k", 64, 4, 48, 16},
                {"cluster_b_", "_60k", 80, 4, 48, 16}};

static bool find_published(sim_clos *shape, const char *base) {
  for (size_t i = 0; i < sizeof clusters / sizeof *clusters; ++i) {
    const char *rest = base + strlen(clusters[i].prefix);
    int ratio, end = -1;
    if (!has_prefix(base, clusters[i].prefix) || sscanf(rest, "%2d_to_1%n", &ratio, &end) != 1 || end < 0 ||
        strcmp(rest + end, clusters[i].suffix) != 0 || ratio < 1 || clusters[i].racks % ratio != 0)
      continue;
    shape->pods = clusters[i].pods;
    shape->fabrics_per_pod = clusters[i].fabrics;
    shape->racks_per_pod = clusters[i].racks;
    shape->hosts_per_rack = clusters[i].hosts;
    shape->spines_per_plane = clusters[i].racks / ratio;
    return true;
  }
  return false;
}

static bool parse_clos(sim_clos *shape, const char *base) {
  int p, f, r, h, s, end = -1;
  if (sscanf(base, "clos_%4dx%4dx%4dx%4dx%4d%n", &p, &f, &r, &h, &s, &end) != 5 || !is_all(base, end) ||
      p < 1 || f < 1 || r < 1 || h < 1 || s < 1)
    return false;
  shape->pods = p;
  shape->fabrics_per_pod = f;
  shape->racks_per_pod = r;
  shape->hosts_per_rack = h;
  shape->spines_per_plane = s;
  return true;
}

m4_status dg_find_cluster(sim_clos *shape, char path[DG_NAME_BYTES], const dg_catalogue *catalogue,
                          const char *name, m4_error *err) {
  char base[DG_NAME_BYTES];
  dg_found found;
  *shape = (sim_clos){0};
  path[0] = '\0';
  if (is_file(&found, catalogue, name)) {
    memcpy(path, found.path, sizeof found.path);
    return dg_cluster_read(shape, path, err);
  }
  base_name(base, name);
  if (strcmp(base, "cluster_b_m4") == 0) snprintf(base, sizeof base, "cluster_b_1_to_1_m4");
  if (find_published(shape, base) || parse_clos(shape, base)) return M4_OK;
  m4_status status = m4_fail(err, M4_USAGE, name, "this cluster is not known");
  return m4_hint(
      err, status,
      "cluster_N_to_1_eval_{train,test,app}, cluster_N_to_1, cluster_b_m4, "
      "cluster_b_N_to_1_{m4,12k,...,60k}, or clos_PxFxRxHxS: pods, fabrics and racks per pod, hosts per "
      "rack, spines per plane");
}
