/* Mixes in memory, and the names of congestion controls in files. */
#include "datagen/mix.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  pkt_cc_mode cc;
  const char *name;
} cc_names[] = {
    {PKT_CC_DCTCP, "dctcp"}, {PKT_CC_DCQCN, "dcqcn"}, {PKT_CC_TIMELY, "timely"}, {PKT_CC_HPCC, "hp"}};

const char *dg_cc_name(pkt_cc_mode cc) {
  for (size_t i = 0; i < sizeof cc_names / sizeof *cc_names; ++i)
    if (cc_names[i].cc == cc) return cc_names[i].name;
  return "unknown";
}

bool dg_cc_of_name(pkt_cc_mode *cc, const char *name) {
  for (size_t i = 0; i < sizeof cc_names / sizeof *cc_names; ++i)
    if (strcmp(cc_names[i].name, name) == 0) {
      *cc = cc_names[i].cc;
      return true;
    }
  return false;
}

m4_status dg_mix_create(dg_mix **mix, size_t n_entries, m4_error *err) {
  *mix = calloc(1, sizeof **mix);
  if (*mix) (*mix)->entries = calloc(n_entries, sizeof *(*mix)->entries);
  if (!*mix || !(*mix)->entries) {
    dg_mix_free(*mix);
    *mix = NULL;
    return m4_fail(err, M4_MEMORY, NULL, "no memory for %zu scenarios", n_entries);
  }
  (*mix)->n_entries = n_entries;
  return M4_OK;
}

void dg_mix_free(dg_mix *mix) {
  if (!mix) return;
  for (size_t i = 0; i < mix->n_entries; ++i) {
    free(mix->entries[i].spatial);
    free(mix->entries[i].size_dist);
    free(mix->entries[i].cluster);
  }
  free(mix->entries);
  free(mix);
}
