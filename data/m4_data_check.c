/* m4-data check: tells every inconsistency of a dataset. */
#include "base/program.h"
#include "data/audit.h"
#include "data/m4_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct check_options {
  const char *dataset;
  bool all;
} check_options;

static const m4_option option_table[] = {
    {"--dataset", M4_OPTION_TEXT, offsetof(check_options, dataset), "PATH", "dataset shard or folder", NULL},
    {"--all", M4_OPTION_FLAG, offsetof(check_options, all), NULL,
     "prints every finding; otherwise ten of each shard and array", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-data check",
    "reads a whole dataset and tells every inconsistency, one line each",
    "m4-data check --dataset PATH [--all]    what is asked: data/FORMAT.md",
    "m4-data check --dataset datasets/train\n"
    "m4-data check --dataset datasets/train/shard-00003.h5 --all > findings.txt",
    option_table,
    NULL};

enum { SHOWN_OF_A_KIND = 10, MAX_KIND_BYTES = 1024 };

/* Findings so far by kind: shard and array. A list, because there are few kinds. */
typedef struct kind {
  struct kind *next;
  int64_t count;
  char name[];
} kind;

typedef struct printer {
  bool all, out_of_memory;
  kind *kinds;
} printer;

/* First and last part of "shard: scenario: array". */
static void name_kind(char name[MAX_KIND_BYTES], const char *where) {
  const char *first_end = strstr(where, ": "), *last = where;
  for (const char *next = strstr(last, ": "); next; next = strstr(last, ": ")) last = next + 2;
  int first_bytes = first_end ? (int)(first_end - where) : 0;
  snprintf(name, MAX_KIND_BYTES, "%.*s%s%s", first_bytes, where, first_end ? ": " : "", last);
}

static kind *find_kind(printer *to, const char *where) {
  char name[MAX_KIND_BYTES];
  name_kind(name, where);
  kind **link = &to->kinds;
  while (*link && strcmp((*link)->name, name) != 0) link = &(*link)->next;
  if (!*link) *link = calloc(1, sizeof **link + strlen(name) + 1);
  if (*link && (*link)->count == 0) strcpy((*link)->name, name);
  return *link;
}

static void print_finding(void *arg, const m4_error *finding) {
  printer *to = arg;
  kind *of = find_kind(to, finding->where);
  if (!of) {
    to->out_of_memory = true;
    return;
  }
  if (of->count++ < SHOWN_OF_A_KIND || to->all)
    printf("%s%s%s\n", finding->where, finding->where[0] ? ": " : "", finding->what);
}

static void print_rest(const printer *from) {
  for (const kind *of = from->kinds; of; of = of->next)
    if (of->count > SHOWN_OF_A_KIND && !from->all)
      printf("%s: %lld more (--all prints them)\n", of->name, (long long)(of->count - SHOWN_OF_A_KIND));
}

static void free_kinds(kind *of) {
  while (of) {
    kind *next = of->next;
    free(of);
    of = next;
  }
}

static m4_status conclude(const char *path, const ds_audit_report *report, m4_error *err) {
  if (report->n_findings > 0)
    return m4_fail(err, M4_DATA, path, "%lld inconsistencies", (long long)report->n_findings);
  printf("%s is consistent: %lld shards, %lld scenarios, %lld flows, %lld busy periods%s\n", path,
         (long long)report->n_shards, (long long)report->n_scenarios, (long long)report->n_flows,
         (long long)report->n_periods, report->has_campaign ? ", as campaign.yaml says" : "");
  return M4_OK;
}

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  const check_options *options = target;
  if (!options->dataset)
    return m4_hint(err, m4_fail(err, M4_USAGE, "--dataset", "no dataset is given"), "--dataset PATH");
  m4_log *log = NULL;
  printer to = {.all = options->all};
  ds_findings findings = {print_finding, &to, NULL, 0};
  ds_audit_report report;
  M4_TRY(m4_log_create(&log, common->quiet, NULL, err));
  m4_status status = ds_audit(options->dataset, &findings, log, &report, err);
  print_rest(&to);
  if (status == M4_OK && to.out_of_memory) status = m4_fail(err, M4_MEMORY, NULL, "no memory for findings");
  if (status == M4_OK) status = conclude(options->dataset, &report, err);
  free_kinds(to.kinds);
  m4_log_free(log);
  return status;
}

int m4_data_check(int argc, char **argv) {
  check_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
