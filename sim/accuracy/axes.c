/* Sorts runs into bins; see axes.h. */
#include "sim/accuracy/axes.h"

#include <math.h>
#include <stdlib.h>

/* ---- values ---- */

static double hosts_of(const acc_facts *facts) {
  return facts->hosts;
}
static double cc_of(const acc_facts *facts) {
  return (double)facts->cc;
}
static double load_of(const acc_facts *facts) {
  return facts->load;
}
static double buffer_of(const acc_facts *facts) {
  return facts->buffer_kb;
}
static double window_of(const acc_facts *facts) {
  return facts->window_bytes;
}
/* What is measured on some thousand gaps is near the sigma they were drawn with. */
static double sigma_of(const acc_facts *facts) {
  return round(2 * facts->burstiness) / 2;
}

typedef struct axis_kind {
  const char *name, *label;
  double (*value)(const acc_facts *facts);
  int decimals; /* of a bin's name */
} axis_kind;

static const axis_kind kinds[ACC_N_AXES] = {
    {"load", "load of the busiest link", load_of, 2},
    {"cc", "congestion control", cc_of, -1},
    {"buffer", "switch buffer (KB)", buffer_of, 0},
    {"window", "initial window (bytes)", window_of, 0},
    {"burstiness", "burstiness (sigma of ln gap)", sigma_of, 1},
    {"hosts", "hosts", hosts_of, 0},
};

/* ---- bins ---- */

typedef struct ranked {
  double value;
  size_t run;
} ranked;

static int compare_ranked(const void *left, const void *right) {
  const ranked *a = left, *b = right;
  return a->value != b->value ? (a->value > b->value) - (a->value < b->value)
                              : (a->run > b->run) - (a->run < b->run);
}

static size_t count_distinct(const ranked *sorted, size_t n) {
  size_t distinct = n > 0;
  for (size_t i = 1; i < n; i++) distinct += sorted[i].value != sorted[i - 1].value;
  return distinct;
}

static void name_bin(acc_bin *bin, const axis_kind *kind, double low, double high) {
  if (kind->decimals < 0)
    snprintf(bin->name, sizeof bin->name, "%s", acc_cc_name((pkt_cc_mode)low));
  else if (low == high)
    snprintf(bin->name, sizeof bin->name, "%.*f", kind->decimals, low);
  else
    snprintf(bin->name, sizeof bin->name, "%.*f-%.*f", kind->decimals, low, kind->decimals, high);
}

/* Equal values share a bin. */
static void fill_bins(acc_axis *axis, const axis_kind *kind, const ranked *sorted, size_t n) {
  size_t distinct = count_distinct(sorted, n), wanted = distinct;
  if (distinct > ACC_MAX_BINS) wanted = n >= 3 * ACC_MAX_BINS ? ACC_MAX_BINS : n >= 9 ? 3 : 2;
  double low = 0;
  for (size_t i = 0; i < n; i++) {
    bool fresh = i == 0 || sorted[i].value != sorted[i - 1].value;
    bool next = wanted == distinct ? fresh : fresh && i * wanted / n >= (size_t)axis->n_bins;
    if (i == 0 || (next && axis->n_bins < ACC_MAX_BINS)) {
      axis->n_bins++;
      low = sorted[i].value;
    }
    acc_bin *bin = &axis->bins[axis->n_bins - 1];
    bin->n_runs++;
    name_bin(bin, kind, low, sorted[i].value);
    axis->bin_of_run[sorted[i].run] = axis->n_bins - 1;
  }
}

m4_status acc_axis_make(acc_axis *axis, int number, const acc_study *study, m4_error *err) {
  const axis_kind *kind = &kinds[number];
  *axis = (acc_axis){.name = kind->name, .label = kind->label};
  axis->bin_of_run = malloc((study->n_runs + 1) * sizeof *axis->bin_of_run);
  ranked *sorted = malloc((study->n_runs + 1) * sizeof *sorted);
  m4_status status = axis->bin_of_run && sorted
                         ? M4_OK
                         : m4_fail(err, M4_MEMORY, NULL, "no memory to group %zu runs", study->n_runs);
  size_t n = 0;
  for (size_t i = 0; status == M4_OK && i < study->n_runs; i++) {
    double value = kind->value(&study->runs[i].facts);
    axis->bin_of_run[i] = -1;
    if (isfinite(value)) sorted[n++] = (ranked){value, i};
  }
  if (status == M4_OK && n > 0) {
    qsort(sorted, n, sizeof *sorted, compare_ranked);
    fill_bins(axis, kind, sorted, n);
  }
  free(sorted);
  return status;
}

bool acc_axis_tells(const acc_axis *axis) {
  size_t most = 0;
  for (int bin = 0; bin < axis->n_bins; bin++)
    if (axis->bins[bin].n_runs > most) most = axis->bins[bin].n_runs;
  return axis->n_bins > 1 && most > 1;
}

void acc_axis_free(acc_axis *axis) {
  free(axis->bin_of_run);
  axis->bin_of_run = NULL;
}

/* ---- means ---- */

acc_means acc_means_of(const acc_study *study, int contender, const acc_axis *axis, int bin) {
  acc_means sum = {0};
  for (size_t i = 0; i < study->n_runs; i++) {
    const m4_accuracy *errors = &study->runs[i].cells[contender].errors;
    if ((axis && axis->bin_of_run[i] != bin) || errors->all.n_flows == 0) continue;
    sum.n_runs++;
    sum.mean += errors->all.mean;
    sum.p50 += errors->all.p50;
    sum.p90 += errors->all.p90;
    sum.p99_tail += errors->p99_tail;
  }
  double scale = sum.n_runs > 0 ? 100 / (double)sum.n_runs : NAN;
  return (acc_means){sum.n_runs, scale * sum.mean, scale * sum.p50, scale * sum.p90, scale * sum.p99_tail};
}
