/* MT19937. Source: Matsumoto, Nishimura 1998; workloads.md 6.3. */
#include "datagen/mt19937.h"

enum { MIDDLE = 397 };

static void seed_linear(dg_mt19937 *mt, uint32_t seed) {
  mt->state[0] = seed;
  for (uint32_t i = 1; i < DG_MT_WORDS; ++i)
    mt->state[i] = 1812433253u * (mt->state[i - 1] ^ mt->state[i - 1] >> 30) + i;
  mt->next = DG_MT_WORDS;
}

/* state[i] from state[i - 1]; after the last word the first becomes the last one's copy. */
static uint32_t step(dg_mt19937 *mt, uint32_t i, uint32_t factor, uint32_t added) {
  uint32_t before = mt->state[i - 1];
  mt->state[i] = (mt->state[i] ^ (before ^ before >> 30) * factor) + added;
  if (i + 1 < DG_MT_WORDS) return i + 1;
  mt->state[0] = mt->state[DG_MT_WORDS - 1];
  return 1;
}

void dg_mt_seed(dg_mt19937 *mt, uint32_t seed) {
  seed_linear(mt, 19650218u);
  uint32_t i = 1;
  for (int k = 0; k < DG_MT_WORDS; ++k) i = step(mt, i, 1664525u, seed);
  for (int k = 0; k < DG_MT_WORDS - 1; ++k) i = step(mt, i, 1566083941u, 0u - i);
  mt->state[0] = 0x80000000u;
}

static void refill(dg_mt19937 *mt) {
  for (int i = 0; i < DG_MT_WORDS; ++i) {
    uint32_t y = (mt->state[i] & 0x80000000u) | (mt->state[(i + 1) % DG_MT_WORDS] & 0x7fffffffu);
    mt->state[i] = mt->state[(i + MIDDLE) % DG_MT_WORDS] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  mt->next = 0;
}

uint32_t dg_mt_word(dg_mt19937 *mt) {
  if (mt->next == DG_MT_WORDS) refill(mt);
  uint32_t y = mt->state[mt->next++];
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

double dg_mt_uniform(dg_mt19937 *mt, double lo, double hi) {
  double high = dg_mt_word(mt) >> 5, low = dg_mt_word(mt) >> 6;
  return lo + (hi - lo) * ((high * 67108864.0 + low) / 9007199254740992.0);
}

uint32_t dg_mt_below(dg_mt19937 *mt, uint32_t n) {
  int bits = 0;
  while (bits < 32 && n >> bits) ++bits;
  uint32_t drawn;
  do drawn = dg_mt_word(mt) >> (32 - bits);
  while (drawn >= n);
  return drawn;
}
