/* PNG files from RGB pixels. Knows zlib. */
#ifndef TRAIN_TFEVENTS_PNG_H
#define TRAIN_TFEVENTS_PNG_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* pixels [height * width * 3], rows from the top. *png: malloc'ed. M4_USAGE for sides outside 1 .. 16384. */
m4_status tfe_png_encode(const uint8_t *pixels, int width, int height, unsigned char **png, size_t *png_bytes,
                         m4_error *err);

#endif
