/* Philox4x32-10 and what is drawn from it. Knows nothing. */
#include "base/philox.h"

#include <math.h>

static uint32_t multiply(uint32_t a, uint32_t b, uint32_t *high) {
  uint64_t product = (uint64_t)a * b;
  *high = (uint32_t)(product >> 32);
  return (uint32_t)product;
}

void m4_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; ++round) {
    uint32_t high0, high1;
    uint32_t low0 = multiply(0xD2511F53u, c0, &high0);
    uint32_t low1 = multiply(0xCD9E8D57u, c2, &high1);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

uint64_t m4_random_u64(uint64_t seed, m4_purpose purpose, uint32_t step, uint64_t index) {
  uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
  uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), step, (uint32_t)purpose};
  uint32_t out[4];
  m4_philox4x32(counter, key, out);
  return ((uint64_t)out[1] << 32) | out[0];
}

static double to_uniform(uint64_t bits) {
  return (double)(bits >> 11) * 0x1p-53;
}

double m4_random_uniform(uint64_t seed, m4_purpose purpose, uint32_t step, uint64_t index) {
  return to_uniform(m4_random_u64(seed, purpose, step, index));
}

m4_rng m4_rng_make(uint64_t seed, m4_purpose purpose, uint32_t step) {
  m4_rng rng = {seed, purpose, step, 0};
  return rng;
}

uint64_t m4_rng_u64(m4_rng *rng) {
  return m4_random_u64(rng->seed, rng->purpose, rng->step, rng->next_index++);
}

double m4_rng_uniform(m4_rng *rng) {
  return to_uniform(m4_rng_u64(rng));
}

double m4_rng_normal(m4_rng *rng) {
  const double two_pi = 6.283185307179586476925;
  double radius = sqrt(-2.0 * log(1.0 - m4_rng_uniform(rng)));
  return radius * cos(two_pi * m4_rng_uniform(rng));
}

uint64_t m4_rng_below(m4_rng *rng, uint64_t bound) {
  uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  uint64_t bits;
  do bits = m4_rng_u64(rng);
  while (bits >= limit);
  return bits % bound;
}
