/* Weights at other widths, file to file. Knows nn. */
#ifndef TRAIN_CONVERT_RESIZE_H
#define TRAIN_CONVERT_RESIZE_H

#include "base/status.h"

#include <stdint.h>

/* 0: stays as it is. hidden is also the width inside the heads, as m4-train makes them. */
typedef struct tr_new_widths {
  int64_t hidden, gcn_hidden;
} tr_new_widths;

/* What wider and narrower mean: nn/m4_resize.h. `from` and `to` are safetensors files and may be the same.
 * Notes of the file stay, but for its widths; "resized" says what was done. M4_USAGE: another ending,
 * impossible widths, a graph width for a model without units between graph layers. Nothing is written on
 * failure. */
m4_status tr_resize(const char *from, const char *to, tr_new_widths widths, int64_t seed, m4_error *err);

#endif
