/* Mixes to JSON: laid out as Python's json.dump(indent=4) does, so that published files come out byte for
 * byte. */
#include "datagen/mix.h"

#include "base/file.h"
#include "base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static m4_status write_text(FILE *out, const char *key, const char *value, m4_error *err) {
  json_t *text = json_string(value);
  char *quoted = text ? json_dumps(text, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
  if (quoted) fprintf(out, "        \"%s\": %s,\n", key, quoted);
  free(quoted);
  json_decref(text);
  return quoted ? M4_OK : m4_fail(err, M4_DATA, key, "the text is not UTF-8");
}

/* 16.0, 11.339264428892937 */
static void write_real(FILE *out, double value) {
  char text[32];
  m4_format_real(text, sizeof text, value);
  fprintf(out, strpbrk(text, ".e") ? "%s" : "%s.0", text);
}

/* Whole numbers without a point. */
static void write_number(FILE *out, double value) {
  if (value == floor(value) && fabs(value) < 1e15)
    fprintf(out, "%.0f", value);
  else
    write_real(out, value);
}

static m4_status write_entry(FILE *out, const dg_mix_entry *entry, m4_error *err) {
  fprintf(out, "    {\n        \"id\": %lld,\n", (long long)entry->id);
  M4_TRY(write_text(out, "spatial", entry->spatial, err));
  M4_TRY(write_text(out, "size_dist", entry->size_dist, err));
  fputs("        \"lognorm_sigma\": ", out);
  write_real(out, entry->lognorm_sigma);
  fputs(",\n        \"max_load\": ", out);
  write_real(out, entry->max_load);
  fputs(",\n", out);
  M4_TRY(write_text(out, "cluster", entry->cluster, err));
  if (entry->duration_s > 0) {
    fputs("        \"duration\": ", out);
    write_number(out, entry->duration_s);
    fputs(",\n", out);
  }
  fprintf(out, "        \"param_id\": %lld,\n        \"bfsz\": ", (long long)entry->param_id);
  write_real(out, entry->bfsz);
  fprintf(out, ",\n        \"window\": %lld,\n        \"enable_pfc\": %d,\n        \"cc\": \"%s\",\n",
          (long long)entry->window_bytes, entry->enable_pfc, dg_cc_name(entry->cc));
  fputs("        \"param_1\": ", out);
  write_real(out, entry->param_1);
  fputs(",\n        \"param_2\": ", out);
  if (entry->param_2 == 0)
    fputs("0", out); /* not drawn */
  else
    write_real(out, entry->param_2);
  if (entry->max_inflight_flows > 0)
    fprintf(out, ",\n        \"max_inflight_flows\": %lld", (long long)entry->max_inflight_flows);
  fputs("\n    }", out);
  return M4_OK;
}

static m4_status write_entries(FILE *out, const dg_mix *mix, m4_error *err) {
  fputs("[\n", out);
  for (size_t i = 0; i < mix->n_entries; ++i) {
    M4_TRY(write_entry(out, &mix->entries[i], err));
    fputs(i + 1 < mix->n_entries ? ",\n" : "\n", out);
  }
  fputs("]", out);
  return M4_OK;
}

m4_status dg_mix_write(const dg_mix *mix, const char *path, m4_error *err) {
  m4_outfile file = {0};
  M4_TRY(m4_outfile_open(&file, path, err));
  m4_status status = write_entries(file.stream, mix, err);
  if (status == M4_OK) return m4_outfile_commit(&file, err);
  m4_outfile_abandon(&file);
  return m4_within(err, status, path);
}
