/* PNG writer: signature, header, one block of deflated rows, end. Knows zlib. */
#include "train/tfevents/png.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MAX_SIDE = 16384, SIGNATURE_BYTES = 8, CHUNK_BYTES = 12, HEADER_BYTES = 13 };

static unsigned char *put_u32(unsigned char *to, uint32_t value) {
  for (int i = 0; i < 4; ++i) to[i] = (unsigned char)(value >> (24 - 8 * i));
  return to + 4;
}

/* Length, type, data, checksum; data may already stand in its place. Returns the end. */
static unsigned char *put_chunk(unsigned char *to, const char *type, const void *data, size_t bytes) {
  unsigned char *start = put_u32(to, (uint32_t)bytes);
  memcpy(start, type, 4);
  if (bytes > 0) memmove(start + 4, data, bytes);
  return put_u32(start + 4 + bytes, (uint32_t)crc32(0, start, (uInt)(4 + bytes)));
}

/* Every row begins with its filter: 1, differences to the pixel on the left. */
static void filter_rows(unsigned char *to, const uint8_t *pixels, int width, int height) {
  size_t row_bytes = 3 * (size_t)width;
  for (int y = 0; y < height; ++y) {
    const uint8_t *row = pixels + (size_t)y * row_bytes;
    *to++ = 1;
    for (size_t i = 0; i < row_bytes; ++i) *to++ = (unsigned char)(row[i] - (i < 3 ? 0 : row[i - 3]));
  }
}

m4_status tfe_png_encode(const uint8_t *pixels, int width, int height, unsigned char **png, size_t *png_bytes,
                         m4_error *err) {
  static const unsigned char signature[SIGNATURE_BYTES] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  *png = NULL;
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE)
    return m4_fail(err, M4_USAGE, NULL, "an image of %d x %d pixels", width, height);
  size_t raw_bytes = (3 * (size_t)width + 1) * (size_t)height;
  uLongf packed_bytes = compressBound((uLong)raw_bytes);
  unsigned char *raw = malloc(raw_bytes);
  unsigned char *file = malloc(SIGNATURE_BYTES + 3 * CHUNK_BYTES + HEADER_BYTES + packed_bytes);
  if (!raw || !file) {
    free(raw);
    free(file);
    return m4_fail(err, M4_MEMORY, NULL, "no memory for an image");
  }
  filter_rows(raw, pixels, width, height);
  memcpy(file, signature, sizeof signature);
  unsigned char header[HEADER_BYTES] = {[8] = 8 /* bits */, [9] = 2 /* RGB */};
  put_u32(put_u32(header, (uint32_t)width), (uint32_t)height);
  unsigned char *at = put_chunk(file + SIGNATURE_BYTES, "IHDR", header, sizeof header);
  int code = compress2(at + 8, &packed_bytes, raw, (uLong)raw_bytes, 6);
  free(raw);
  if (code != Z_OK) {
    free(file);
    return m4_fail(err, M4_MEMORY, NULL, "zlib cannot pack an image: error %d", code);
  }
  at = put_chunk(at, "IDAT", at + 8, packed_bytes);
  at = put_chunk(at, "IEND", NULL, 0);
  *png = file;
  *png_bytes = (size_t)(at - file);
  return M4_OK;
}
