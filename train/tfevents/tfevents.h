/* TensorBoard event files from C: scalars, histograms, images, the hparams tab, the layout of the custom
 * scalars tab, clean resume. Knows base/status only: this folder can be lifted out. Source: anchors.md B.2.
 * Append-only; flushed on request, so TensorBoard may watch the folder while it grows. reader.h reads such
 * files. */
#ifndef TRAIN_TFEVENTS_TFEVENTS_H
#define TRAIN_TFEVENTS_TFEVENTS_H

#include "base/status.h"
#include "train/tfevents/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tfe_writer tfe_writer;

/* Makes events.out.tfevents.<seconds>.<host>.<pid>.<number> in `dir` (must exist). resume_step >= 0 writes a
 * session start there: TensorBoard then drops what earlier files of the folder say from that step on. -1: a
 * fresh run. */
m4_status tfe_open(tfe_writer **writer, const char *dir, int64_t resume_step, m4_error *err);
/* Flushes and closes; M4_IO when the disk failed at any time. Frees the writer whatever happens. NULL
 * accepted. */
m4_status tfe_close(tfe_writer *writer, m4_error *err);

/* Write errors are remembered and reported by tfe_flush and tfe_close: the calls below never fail by
 * themselves. */
void tfe_scalar(tfe_writer *writer, const char *tag, int64_t step, double value);
void tfe_put_histogram(tfe_writer *writer, const char *tag, int64_t step,
                       const tfe_histogram *histogram); /* an empty one writes nothing */
/* png: a whole PNG file of width x height RGB pixels. */
void tfe_image(tfe_writer *writer, const char *tag, int64_t step, int width, int height, const void *png,
               size_t png_bytes);

typedef enum tfe_kind { TFE_NUMBER, TFE_TEXT, TFE_BOOL } tfe_kind;
typedef struct tfe_hparam {
  const char *name;
  tfe_kind kind;
  double number;
  const char *text;
  bool flag;
} tfe_hparam;
/* The hparams tab: what was set, which scalar tags are its metrics. Once per run, at the start. */
void tfe_hparams(tfe_writer *writer, const tfe_hparam *hparams, size_t count, const char *const *metric_tags,
                 size_t n_metrics);
/* Ends the session of the hparams tab. */
void tfe_hparams_end(tfe_writer *writer, bool success);

/* The custom scalars tab: charts that show several tags. tags: NULL-terminated, regular expressions. Once per
 * run. */
enum { TFE_CHART_TAGS = 8 };
typedef struct tfe_chart {
  const char *title;
  const char *tags[TFE_CHART_TAGS + 1];
} tfe_chart;
void tfe_layout(tfe_writer *writer, const char *title, const tfe_chart *charts, size_t count);

m4_status tfe_flush(tfe_writer *writer, m4_error *err);

#endif
