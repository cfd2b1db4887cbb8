/* m4-events: what is in TensorBoard event files. */
#include "base/file.h"
#include "base/log.h"
#include "base/program.h"
#include "train/tfevents/reader.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct dump_options {
  const char *path, *tag;
  bool json;
} dump_options;

static const m4_option option_table[] = {
    {"--json", M4_OPTION_FLAG, offsetof(dump_options, json), NULL, "one JSON object per line", NULL},
    {"--tag", M4_OPTION_TEXT, offsetof(dump_options, tag), "TEXT", "only tags that contain TEXT", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-events",
    "prints TensorBoard event files and checks every checksum in them",
    "m4-events dump PATH [--json] [--tag TEXT]     PATH: a file, or a folder of them",
    "m4-events dump runs/m4/version_0\n"
    "m4-events dump runs/m4/version_0 --tag val_loss\n"
    "m4-events dump events.out.tfevents.1700000000.host.1.0 --json",
    option_table,
    NULL};

/* ---- one entry ---- */

static void print_text(const tfe_entry *entry) {
  printf("%10lld  %-10s", (long long)entry->step, tfe_entry_name(entry->kind));
  if (entry->tag[0]) printf(" %-40s", entry->tag);
  switch (entry->kind) {
  case TFE_ENTRY_VERSION:
    printf(" %s", entry->text);
    break;
  case TFE_ENTRY_SCALAR:
    printf(" %.9g", entry->number);
    break;
  case TFE_ENTRY_HISTOGRAM:
    printf(" %g values from %.6g to %.6g, mean %.6g, %zu buckets", entry->histogram.count,
           entry->histogram.min, entry->histogram.max,
           entry->histogram.count > 0 ? entry->histogram.sum / entry->histogram.count : 0.0,
           entry->histogram.n_buckets);
    break;
  case TFE_ENTRY_IMAGE:
    printf(" %d x %d pixels, %zu bytes", (int)entry->image.width, (int)entry->image.height,
           entry->image.n_bytes);
    break;
  case TFE_ENTRY_START:
  case TFE_ENTRY_OTHER:
    if (entry->plugin[0]) printf(" plugin %s", entry->plugin);
    break;
  }
  putchar('\n');
}

/* Numbers that JSON cannot hold become null. */
static json_t *number(double value) {
  json_t *json = json_real(value);
  return json ? json : json_null();
}

static void set_text(json_t *object, const char *name, const char *text) {
  if (text[0]) json_object_set_new(object, name, json_stringn_nocheck(text, strlen(text)));
}

static json_t *numbers(const double *values, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; ++i) json_array_append_new(list, number(values[i]));
  return list;
}

static bool print_json(const tfe_entry *entry) {
  json_t *object = json_object();
  json_object_set_new(object, "kind", json_string(tfe_entry_name(entry->kind)));
  json_object_set_new(object, "step", json_integer((json_int_t)entry->step));
  json_object_set_new(object, "wall_time", number(entry->wall_time));
  set_text(object, "tag", entry->tag);
  set_text(object, "plugin", entry->plugin);
  set_text(object, "text", entry->text);
  if (entry->kind == TFE_ENTRY_SCALAR) json_object_set_new(object, "value", number(entry->number));
  if (entry->kind == TFE_ENTRY_HISTOGRAM) {
    json_object_set_new(object, "min", number(entry->histogram.min));
    json_object_set_new(object, "max", number(entry->histogram.max));
    json_object_set_new(object, "count", number(entry->histogram.count));
    json_object_set_new(object, "sum", number(entry->histogram.sum));
    json_object_set_new(object, "limits", numbers(entry->histogram.limit, entry->histogram.n_buckets));
    json_object_set_new(object, "buckets", numbers(entry->histogram.bucket, entry->histogram.n_buckets));
  }
  if (entry->kind == TFE_ENTRY_IMAGE) {
    json_object_set_new(object, "width", json_integer(entry->image.width));
    json_object_set_new(object, "height", json_integer(entry->image.height));
    json_object_set_new(object, "bytes", json_integer((json_int_t)entry->image.n_bytes));
  }
  char *text = json_dumps(object, JSON_COMPACT);
  if (text) puts(text);
  free(text);
  json_decref(object);
  return text != NULL;
}

/* ---- files ---- */

static m4_status dump_entries(tfe_reader *reader, const char *path, const dump_options *options,
                              m4_error *err) {
  const tfe_entry *entry;
  for (;;) {
    M4_TRY(tfe_reader_next(reader, &entry, err));
    if (!entry) return M4_OK;
    if (options->tag && !strstr(entry->tag, options->tag)) continue;
    if (!options->json)
      print_text(entry);
    else if (!print_json(entry))
      return m4_fail(err, M4_DATA, path, "an entry at step %lld is not text", (long long)entry->step);
  }
}

static m4_status dump_file(const char *path, const dump_options *options, m4_error *err) {
  tfe_reader *reader;
  M4_TRY(tfe_reader_open(&reader, path, err));
  m4_status status = dump_entries(reader, path, options, err);
  if (status == M4_OK && tfe_reader_is_cut(reader))
    fprintf(stderr, "m4-events: warning: %s ends inside a record: still being written, or cut by a crash\n",
            path);
  tfe_reader_close(reader);
  return status;
}

static int is_event_file(const struct dirent *entry) {
  return strstr(entry->d_name, "tfevents") != NULL;
}

static m4_status dump_folder(const char *dir, const dump_options *options, m4_error *err) {
  struct dirent **names;
  int count = scandir(dir, &names, is_event_file, alphasort);
  if (count < 0) return m4_fail(err, M4_IO, dir, "cannot read the folder");
  m4_status status =
      count > 0 ? M4_OK : m4_fail(err, M4_DATA, dir, "no event files (*tfevents*) in this folder");
  for (int i = 0; i < count; ++i) {
    char path[1024];
    if (status == M4_OK) status = m4_path_join(path, sizeof path, dir, names[i]->d_name, err);
    if (status == M4_OK) status = dump_file(path, options, err);
    free(names[i]);
  }
  free(names);
  return status;
}

static m4_status dump(void *options_, const m4_common *common, m4_error *err) {
  (void)common;
  const dump_options *options = options_;
  struct stat info;
  if (!options->path)
    return m4_hint(err, m4_fail(err, M4_USAGE, NULL, "no file is given"), "m4-events dump PATH");
  m4_status status = stat(options->path, &info) == 0 && S_ISDIR(info.st_mode)
                         ? dump_folder(options->path, options, err)
                         : dump_file(options->path, options, err);
  if (fflush(stdout) != 0 && status == M4_OK) status = m4_fail(err, M4_IO, NULL, "cannot write the output");
  return status;
}

/* The words before the options; the rest is for the command line's parser, which wants none. */
int main(int argc, char **argv) {
  dump_options options = {0};
  int words = 0;
  if (argc > 1 && strcmp(argv[1], "dump") == 0) {
    words = 1;
    if (argc > 2 && argv[2][0] != '-') options.path = argv[++words];
  }
  return m4_main(&program, dump, &options, argc - words, argv + words);
}
