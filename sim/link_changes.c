/* See link_changes.h. */
#include "sim/link_changes.h"

#include "sim/scenario_parts.h"
#include "sim/text.h"

#include <stdlib.h>
#include <string.h>

enum { NS_PER_SECOND_POWER = 9, FIRST_CAPACITY = 64 };
#define NS_PER_SECOND ((int64_t)1000000000)

static m4_status add(sim_link_changes *changes, int64_t *capacity, sim_link_event change, m4_error *err) {
  if (changes->count == *capacity) {
    int64_t larger = *capacity ? 2 * *capacity : FIRST_CAPACITY;
    sim_link_event *list = realloc(changes->list, (size_t)larger * sizeof *list);
    if (!list) return m4_fail(err, M4_MEMORY, NULL, "no memory for %lld link changes", (long long)larger);
    changes->list = list;
    *capacity = larger;
  }
  changes->list[changes->count++] = change;
  return M4_OK;
}

/* A rate with unit, or 0. */
static m4_status read_rate(sim_text *text, int64_t *rate_bps, m4_error *err) {
  bool failed = text->word[0] == '0' && strcspn(text->word, " \t\r") == 1;
  *rate_bps = 0;
  if (!failed) return sim_text_rate(text, "rate", rate_bps, err);
  sim_text_word(text);
  return M4_OK;
}

static m4_status read_line(sim_text *text, const sim_topology *topology, sim_link_changes *changes,
                           int64_t *capacity, m4_error *err) {
  int64_t a, b, last_node = topology->n_nodes - 1;
  sim_link_event change;
  int64_t earliest_ns = changes->count ? changes->list[changes->count - 1].time_ns : 0;
  bool found = false;
  M4_TRY(sim_text_decimal(text, "time", NS_PER_SECOND_POWER, 0, SIM_MAX_TIME_NS, &change.time_ns, err));
  if (change.time_ns < earliest_ns)
    return sim_text_fail(text, err, "the time lies before that of the last line");
  M4_TRY(sim_text_int(text, "node", 0, last_node, &a, err));
  M4_TRY(sim_text_int(text, "node", 0, last_node, &b, err));
  M4_TRY(read_rate(text, &change.rate_bps, err));
  M4_TRY(sim_text_end_of_line(text, err));
  for (change.link = 0; change.link < topology->n_links; change.link++) {
    const sim_link *link = &topology->links[change.link];
    if (!(link->from == a && link->to == b) && !(link->from == b && link->to == a)) continue;
    M4_TRY(add(changes, capacity, change, err));
    found = true;
  }
  if (!found)
    return sim_text_fail(text, err, "there is no link between node %lld and node %lld", (long long)a,
                         (long long)b);
  return M4_OK;
}

m4_status sim_link_changes_read(sim_link_changes *changes, const sim_topology *topology, const char *path,
                                m4_error *err) {
  sim_text text;
  int64_t capacity = 0;
  *changes = (sim_link_changes){0};
  M4_TRY(sim_text_open(&text, path, err));
  m4_status status = M4_OK;
  while (status == M4_OK && sim_text_line(&text))
    if (*text.word != '#') status = read_line(&text, topology, changes, &capacity, err);
  sim_text_close(&text);
  if (status != M4_OK) sim_link_changes_free(changes);
  return status;
}

void sim_link_changes_free(sim_link_changes *changes) {
  free(changes->list);
  *changes = (sim_link_changes){0};
}

/* One line stands for both directions of a cable, and for all cables between two nodes. */
static bool told(const sim_link_changes *changes, const sim_topology *topology, int64_t index) {
  const sim_link_event *now = &changes->list[index], *before = index > 0 ? now - 1 : NULL;
  if (!before || before->time_ns != now->time_ns || before->rate_bps != now->rate_bps) return false;
  const sim_link *a = &topology->links[before->link], *b = &topology->links[now->link];
  return (a->from == b->from && a->to == b->to) || (a->from == b->to && a->to == b->from);
}

void sim_link_changes_write(const sim_link_changes *changes, const sim_topology *topology, FILE *out) {
  for (int64_t i = 0; i < changes->count; i++) {
    const sim_link_event *change = &changes->list[i];
    const sim_link *link = &topology->links[change->link];
    if (told(changes, topology, i)) continue;
    fprintf(out, "%lld.%09lld %d %d ", (long long)(change->time_ns / NS_PER_SECOND),
            (long long)(change->time_ns % NS_PER_SECOND), link->from, link->to);
    if (change->rate_bps == 0)
      fputs("0\n", out);
    else
      fprintf(out, "%lldbps\n", (long long)change->rate_bps);
  }
}
