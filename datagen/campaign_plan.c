/* The plan of a campaign: what will be made, how often each choice is drawn, and the disk it needs. Simulates
 * nothing. */
#include "base/file.h"
#include "datagen/campaign.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 16, LABEL_BYTES = 48 };

/* How often each label was seen; what does not fit is counted together. */
typedef struct tally {
  char label[MAX_LABELS][LABEL_BYTES];
  int64_t count[MAX_LABELS], others;
  int n;
} tally;

typedef struct spread {
  double low, high, sum;
  int64_t n;
} spread;

typedef struct plan {
  tally fabrics, matrices, sizes, cc, sigma, limits;
  spread load, bfsz, window;
  bool *table_drawn; /* [n_size_tables] */
  int64_t n_tables, n_flows, n_cables;
  double shard_bytes;
} plan;

static void tally_add(tally *t, const char *label) {
  for (int i = 0; i < t->n; ++i)
    if (strcmp(t->label[i], label) == 0) {
      t->count[i]++;
      return;
    }
  if (t->n == MAX_LABELS) {
    t->others++;
    return;
  }
  snprintf(t->label[t->n], LABEL_BYTES, "%s", label);
  t->count[t->n++] = 1;
}

__attribute__((format(printf, 2, 3))) static void tally_format(tally *t, const char *format, ...) {
  char label[LABEL_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(label, sizeof label, format, args);
  va_end(args);
  tally_add(t, label);
}

static void spread_add(spread *s, double value) {
  s->low = s->n == 0 ? value : fmin(s->low, value);
  s->high = s->n == 0 ? value : fmax(s->high, value);
  s->sum += value;
  s->n++;
}

/* ---- collecting ---- */

static void add_matrix(plan *p, const dg_campaign *campaign, int64_t index, const dg_draw *draw) {
  char label[LABEL_BYTES];
  size_t place = 0;
  while (campaign->matrices[place] != draw->matrix) ++place;
  m4_path_last(label, sizeof label,
               campaign->mix ? campaign->mix->entries[index].spatial
                             : campaign->config->matrices.items[place]);
  tally_add(&p->matrices, label);
}

static void add_sizes(plan *p, const dg_campaign *campaign, int64_t index, const dg_draw *draw) {
  char label[LABEL_BYTES];
  if (!p->table_drawn[draw->size_table]) p->n_tables++;
  p->table_drawn[draw->size_table] = true;
  uint64_t table = draw->size_table;
  size_t place = 0;
  for (; table >= campaign->sizes[place].count; ++place) table -= campaign->sizes[place].count;
  m4_path_last(label, sizeof label,
               campaign->mix ? campaign->mix->entries[index].size_dist
                             : campaign->config->sizes.items[place]);
  if (!campaign->sizes[place].table) snprintf(label, sizeof label, "synthetic");
  tally_add(&p->sizes, label);
}

/* Measured: 90 bytes with datagen-train.yaml (32 hosts), 290 with eval_test (1024 hosts); rows of received
 * bytes grow with the flows that are active. */
static double shard_bytes_per_flow(const sim_clos *shape) {
  double hosts = (double)shape->pods * shape->racks_per_pod * shape->hosts_per_rack;
  return 90 + 40 * fmax(0, log2(hosts / 32));
}

static m4_status add_scenario(plan *p, const dg_campaign *campaign, int64_t index, m4_error *err) {
  dg_draw draw = dg_draw_scenario(campaign, index);
  const sim_clos *shape = &draw.shape;
  int64_t racks = (int64_t)shape->pods * shape->racks_per_pod, n_flows;
  tally_format(&p->fabrics, "%lld hosts %g:1", (long long)racks * shape->hosts_per_rack,
               (double)shape->racks_per_pod / shape->spines_per_plane);
  add_matrix(p, campaign, index, &draw);
  add_sizes(p, campaign, index, &draw);
  tally_add(&p->cc, dg_cc_name(draw.cc));
  tally_format(&p->sigma, "%g", draw.sigma);
  if (draw.flow_limit > 0) tally_format(&p->limits, "%lld", (long long)draw.flow_limit);
  spread_add(&p->load, draw.max_load);
  spread_add(&p->bfsz, draw.bfsz);
  spread_add(&p->window, (double)draw.window_bytes);
  M4_TRY(dg_expect_flows(&n_flows, campaign, index, err));
  p->n_flows += n_flows;
  p->n_cables += racks * (shape->hosts_per_rack + shape->fabrics_per_pod) +
                 (int64_t)shape->pods * shape->fabrics_per_pod * shape->spines_per_plane;
  p->shard_bytes += (double)n_flows * shard_bytes_per_flow(shape);
  return M4_OK;
}

/* ---- printing ---- */

static void print_tally(FILE *out, const char *title, const tally *t) {
  if (t->n == 0) return;
  fprintf(out, "%-12s", title);
  for (int i = 0; i < t->n; ++i)
    fprintf(out, "%s%s x %lld", i ? ", " : "", t->label[i], (long long)t->count[i]);
  if (t->others > 0) fprintf(out, ", others x %lld", (long long)t->others);
  fputc('\n', out);
}

static void print_spread(FILE *out, const char *title, const spread *s) {
  fprintf(out, "%-12s%.6g to %.6g, mean %.6g\n", title, s->low, s->high, s->sum / (double)s->n);
}

static void print_disk(FILE *out, const plan *p, const dg_campaign_config *config) {
  enum { FOLDER_BYTES_PER_FLOW = 150, BYTES_PER_CABLE = 36 };
  double folders = (double)p->n_flows * FOLDER_BYTES_PER_FLOW + (double)p->n_cables * BYTES_PER_CABLE;
  if (config->write_shards)
    fprintf(out, "%-12s%lld shards, about %.1f MB in all\n", "disk", (long long)dg_campaign_shards(config),
            p->shard_bytes * 1e-6);
  if (!config->write_shards || config->write_ns3_folders)
    fprintf(out, "%-12s%lld ns-3 folders, about %.1f MB in all%s\n", "disk", (long long)config->n_scenarios,
            folders * 1e-6, config->write_shards ? ", and traces: 6 % of the bytes that flows carry" : "");
}

static void print_plan(FILE *out, const plan *p, const dg_campaign *campaign) {
  const dg_campaign_config *config = campaign->config;
  fprintf(out, "%-12s%lld with %lld flows in all\n", "scenarios", (long long)config->n_scenarios,
          (long long)p->n_flows);
  print_tally(out, "fabrics", &p->fabrics);
  print_tally(out, "matrices", &p->matrices);
  print_tally(out, "sizes", &p->sizes);
  fprintf(out, "%-12s%lld of %llu drawn\n", "size tables", (long long)p->n_tables,
          (unsigned long long)campaign->n_size_tables);
  if (campaign->n_stand_ins > 0)
    fprintf(out, "%-12s%zu published tables that are not here\n", "stand-ins", campaign->n_stand_ins);
  print_tally(out, "cc", &p->cc);
  print_tally(out, "sigma", &p->sigma);
  print_spread(out, "load", &p->load);
  print_spread(out, "bfsz", &p->bfsz);
  print_spread(out, "window", &p->window);
  print_tally(out, "in flight", &p->limits);
  print_disk(out, p, config);
  fprintf(out, "%-12s%s\n", "output", config->output[0] ? config->output : "(not given)");
}

m4_status dg_campaign_plan(const dg_campaign *campaign, FILE *out, m4_error *err) {
  plan *p = calloc(1, sizeof *p);
  if (p) p->table_drawn = calloc(campaign->n_size_tables, sizeof *p->table_drawn);
  m4_status status = p && p->table_drawn ? M4_OK : m4_fail(err, M4_MEMORY, NULL, "no memory for the plan");
  for (int64_t i = 0; status == M4_OK && i < campaign->config->n_scenarios; ++i)
    status = add_scenario(p, campaign, i, err);
  if (status == M4_OK) print_plan(out, p, campaign);
  if (p) free(p->table_drawn);
  free(p);
  if (status == M4_OK && fflush(out) != 0) return m4_fail(err, M4_IO, NULL, "cannot write the plan");
  return status;
}
