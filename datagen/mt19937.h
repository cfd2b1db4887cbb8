/* MT19937, seeded and read the way CPython's `random` does: the published mix files are its draws. For
 * nothing else: all other random numbers are Philox. Source: workloads.md 6.3. */
#ifndef DATAGEN_MT19937_H
#define DATAGEN_MT19937_H

#include <stdint.h>

enum { DG_MT_WORDS = 624 };

typedef struct dg_mt19937 {
  uint32_t state[DG_MT_WORDS];
  int next; /* DG_MT_WORDS: the state is used up */
} dg_mt19937;

/* init_by_array([seed]): CPython's random.seed(seed). */
void dg_mt_seed(dg_mt19937 *mt, uint32_t seed);
uint32_t dg_mt_word(dg_mt19937 *mt);
/* lo + (hi - lo) u, u in [0, 1) with 53 bits from two words. */
double dg_mt_uniform(dg_mt19937 *mt, double lo, double hi);
/* 0 .. n - 1, n >= 1: the top bits of a word, as many as n has, again while they are n or more. */
uint32_t dg_mt_below(dg_mt19937 *mt, uint32_t n);

#endif
