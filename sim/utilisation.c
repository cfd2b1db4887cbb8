/* Link loads over time; see utilisation.h. */
#include "sim/utilisation.h"

#include <math.h>
#include <stdlib.h>

enum { HEADER_BYTES = 48, PAYLOAD_BYTES = 1000 };

void sim_utilisation_free(sim_utilisation *utilisation) {
  free(utilisation->links);
  free(utilisation->share);
  free(utilisation->mean);
  *utilisation = (sim_utilisation){0};
}

static double wire_bytes(int64_t size_bytes) {
  return (double)size_bytes + (double)HEADER_BYTES * ceil((double)size_bytes / PAYLOAD_BYTES);
}

/* ---- which links, how much ---- */

static int by_bytes(const void *left, const void *right) {
  const sim_link_load *a = left, *b = right;
  if (a->wire_bytes != b->wire_bytes) return a->wire_bytes < b->wire_bytes ? 1 : -1;
  return (a->link > b->link) - (a->link < b->link);
}

static m4_status total_links(sim_utilisation *self, const sim_scenario *scenario, const sim_result *result,
                             m4_error *err) {
  int32_t n = scenario->topology->n_links;
  self->links = calloc((size_t)n + 1, sizeof *self->links);
  if (!self->links) return m4_fail(err, M4_MEMORY, scenario->name, "no memory for %d links", n);
  for (int32_t link = 0; link < n; link++) self->links[link].link = link;
  for (int64_t i = 0; i < result->n_finished; i++) {
    const sim_flow *flow = &scenario->flows[result->order[i]];
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      self->links[flow->links[hop]].flows++;
      self->links[flow->links[hop]].wire_bytes += wire_bytes(flow->size_bytes);
    }
  }
  qsort(self->links, (size_t)n, sizeof *self->links, by_bytes);
  while (self->n_links < n && self->links[self->n_links].flows > 0) self->n_links++;
  return M4_OK;
}

/* ---- over time ---- */

static void set_span(sim_utilisation *self, const sim_result *result) {
  double first = INFINITY, last = -INFINITY;
  for (int64_t i = 0; i < result->n_finished; i++) {
    int64_t flow = result->order[i];
    first = fmin(first, result->release_ns[flow]);
    last = fmax(last, result->release_ns[flow] + result->fct_ns[flow]);
  }
  self->start_ns = result->n_finished > 0 ? first : 0;
  self->bin_ns = result->n_finished > 0 ? fmax(last - first, 1) / self->n_bins : 1;
}

/* Adds a constant load to a row of differences, which later sums make into loads: bins in the middle get all
 * of it, those at the ends their part. [from, to) in bins. */
static void add_load(double *row, int32_t n_bins, double from, double to, double load) {
  int32_t first = (int32_t)fmin(fmax(from, 0), n_bins - 1), last = (int32_t)fmin(fmax(to, 0), n_bins - 1);
  double in_first = fmin(to, first + 1) - from;
  row[first] += load * in_first;
  if (first + 1 < n_bins) row[first + 1] -= load * in_first;
  if (first == last) return;
  double in_last = to - last;
  if (first + 1 < last) {
    row[first + 1] += load;
    row[last] -= load;
  }
  row[last] += load * in_last;
  if (last + 1 < n_bins) row[last + 1] -= load * in_last;
}

static void spread(sim_utilisation *self, const sim_scenario *scenario, const sim_result *result,
                   const int32_t *row_of) {
  for (int64_t i = 0; i < result->n_finished; i++) {
    int64_t index = result->order[i];
    const sim_flow *flow = &scenario->flows[index];
    double from = (result->release_ns[index] - self->start_ns) / self->bin_ns;
    double length_ns = fmax(result->fct_ns[index], 1), to = from + length_ns / self->bin_ns;
    double bytes_per_ns = wire_bytes(flow->size_bytes) / length_ns;
    for (int32_t hop = 0; hop < flow->n_links; hop++) {
      double *row = self->share + (size_t)row_of[flow->links[hop]] * (size_t)self->n_bins;
      double rate = (double)scenario->topology->links[flow->links[hop]].rate_bps / 8e9;
      add_load(row, self->n_bins, from, to, bytes_per_ns / rate);
    }
  }
}

/* No link carries more than its rate: what is above moves on to the next bins that have room. Returns what
 * found none. */
static double level(double *row, int32_t n_bins, int32_t first, int32_t step) {
  double waiting = 0;
  for (int32_t i = 0, bin = first; i < n_bins; i++, bin += step) {
    double load = fmax(row[bin], 0) + waiting; /* rounding may leave less than nothing */
    row[bin] = fmin(load, 1);
    waiting = load - row[bin];
  }
  return waiting;
}

/* Sums the differences, then levels forwards, and backwards for what was too much at the end. */
static void settle(double *row, int32_t n_bins) {
  for (int32_t bin = 1; bin < n_bins; bin++) row[bin] += row[bin - 1];
  double left = level(row, n_bins, 0, 1);
  row[n_bins - 1] += left;
  left = level(row, n_bins, n_bins - 1, -1);
  for (int32_t bin = 0; bin < n_bins; bin++)
    row[bin] += left / n_bins; /* a prediction faster than the link */
}

static void finish(sim_utilisation *self) {
  for (int32_t link = 0; link < self->n_links; link++) {
    double *row = self->share + (size_t)link * (size_t)self->n_bins, sum = 0, peak = 0;
    settle(row, self->n_bins);
    for (int32_t bin = 0; bin < self->n_bins; bin++) {
      sum += row[bin];
      peak = fmax(peak, row[bin]);
      self->mean[bin] += row[bin] / self->n_links;
    }
    self->links[link].mean = sum / self->n_bins;
    self->links[link].peak = peak;
  }
}

m4_status sim_utilisation_of(sim_utilisation *utilisation, const sim_scenario *scenario,
                             const sim_result *result, int32_t n_bins, m4_error *err) {
  *utilisation = (sim_utilisation){.n_bins = n_bins};
  M4_TRY(total_links(utilisation, scenario, result, err));
  set_span(utilisation, result);
  utilisation->share = calloc((size_t)utilisation->n_links * (size_t)n_bins + 1, sizeof *utilisation->share);
  utilisation->mean = calloc((size_t)n_bins, sizeof *utilisation->mean);
  int32_t *row_of = calloc((size_t)scenario->topology->n_links + 1, sizeof *row_of);
  bool room = utilisation->share && utilisation->mean && row_of;
  if (room) {
    for (int32_t i = 0; i < utilisation->n_links; i++) row_of[utilisation->links[i].link] = i;
    spread(utilisation, scenario, result, row_of);
    finish(utilisation);
  }
  free(row_of);
  return room ? M4_OK
              : m4_fail(err, M4_MEMORY, scenario->name, "no memory for %d links at %d times",
                        utilisation->n_links, n_bins);
}

/* ---- files ---- */

void sim_utilisation_write_links(FILE *out, const sim_utilisation *utilisation,
                                 const sim_topology *topology) {
  fputs("from,to,rate_bps,flows,wire_bytes,utilisation_mean,utilisation_peak\n", out);
  for (int32_t i = 0; i < utilisation->n_links; i++) {
    const sim_link_load *load = &utilisation->links[i];
    const sim_link *link = &topology->links[load->link];
    fprintf(out, "%d,%d,%lld,%lld,%.0f,%.6g,%.6g\n", link->from, link->to, (long long)link->rate_bps,
            (long long)load->flows, load->wire_bytes, load->mean, load->peak);
  }
}

void sim_utilisation_write_series(FILE *out, const sim_utilisation *utilisation, const sim_topology *topology,
                                  int32_t most_links) {
  int32_t n = utilisation->n_links < most_links ? utilisation->n_links : most_links;
  fputs("time_ns,mean", out);
  for (int32_t i = 0; i < n; i++) {
    const sim_link *link = &topology->links[utilisation->links[i].link];
    fprintf(out, ",%d-%d", link->from, link->to);
  }
  fputc('\n', out);
  for (int32_t bin = 0; bin < utilisation->n_bins; bin++) {
    fprintf(out, "%.0f,%.6g", utilisation->start_ns + (bin + 0.5) * utilisation->bin_ns,
            utilisation->mean[bin]);
    for (int32_t i = 0; i < n; i++)
      fprintf(out, ",%.6g", utilisation->share[(size_t)i * (size_t)utilisation->n_bins + (size_t)bin]);
    fputc('\n', out);
  }
}
