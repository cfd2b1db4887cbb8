/* The frame of a record in an event file: u64 length, its checksum, the data, its checksum; little endian;
 * the checksums are masked CRC-32C. Knows nothing. Source: anchors.md B.2. */
#ifndef TRAIN_TFEVENTS_RECORD_H
#define TRAIN_TFEVENTS_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum { TFE_HEAD_BYTES = 12, TFE_TAIL_BYTES = 4 }; /* around the data */

/* CRC-32C (Castagnoli), and TensorBoard's masking of it. */
uint32_t tfe_crc32c(const void *data, size_t length);
uint32_t tfe_masked_crc(const void *data, size_t length);

/* What stands before and after `length` bytes of data. */
void tfe_record_head(unsigned char head[TFE_HEAD_BYTES], uint64_t length);
void tfe_record_tail(unsigned char tail[TFE_TAIL_BYTES], const void *data, size_t length);

/* The length that a head gives; 0 and *good false when its checksum is wrong. */
uint64_t tfe_record_length(const unsigned char head[TFE_HEAD_BYTES], int *good);
int tfe_record_tail_fits(const unsigned char tail[TFE_TAIL_BYTES], const void *data, size_t length);

#endif
