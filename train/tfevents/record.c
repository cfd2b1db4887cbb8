/* Records of event files: checksums and frames. Knows nothing. */
#include "train/tfevents/record.h"

uint32_t tfe_crc32c(const void *data, size_t length) {
  static const uint32_t nibble[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                      0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                      0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
  const unsigned char *bytes = data;
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    crc = nibble[crc & 15] ^ (crc >> 4);
    crc = nibble[crc & 15] ^ (crc >> 4);
  }
  return ~crc;
}

uint32_t tfe_masked_crc(const void *data, size_t length) {
  uint32_t crc = tfe_crc32c(data, length);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static void put_little(unsigned char *bytes, uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes[i] = (unsigned char)(value >> (8 * i));
}

static uint64_t little(const unsigned char *bytes, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

void tfe_record_head(unsigned char head[TFE_HEAD_BYTES], uint64_t length) {
  put_little(head, length, 8);
  put_little(head + 8, tfe_masked_crc(head, 8), 4);
}

void tfe_record_tail(unsigned char tail[TFE_TAIL_BYTES], const void *data, size_t length) {
  put_little(tail, tfe_masked_crc(data, length), 4);
}

uint64_t tfe_record_length(const unsigned char head[TFE_HEAD_BYTES], int *good) {
  *good = little(head + 8, 4) == tfe_masked_crc(head, 8);
  return *good ? little(head, 8) : 0;
}

int tfe_record_tail_fits(const unsigned char tail[TFE_TAIL_BYTES], const void *data, size_t length) {
  return little(tail, 4) == tfe_masked_crc(data, length);
}
