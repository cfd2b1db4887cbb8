/* Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC'11). A number is a pure function of (seed, purpose, step, index): nothing to save, nothing shared, any
 * thread order. Knows nothing. */
#ifndef M4_BASE_PHILOX_H
#define M4_BASE_PHILOX_H

#include <stdint.h>

/* What the numbers are for: different purposes never share a stream. Append only: the values are part of the
 * results. */
typedef enum m4_purpose {
  M4_RNG_INIT = 1,     /* parameter initialisation */
  M4_RNG_DROPOUT = 2,  /* dropout masks */
  M4_RNG_SHUFFLE = 3,  /* epoch order */
  M4_RNG_SAMPLING = 4, /* which busy periods are drawn */
  M4_RNG_WORKLOAD = 5, /* flows, sizes, gaps */
  M4_RNG_CAMPAIGN = 6, /* scenario parameters */
  M4_RNG_TEST = 7,
  M4_RNG_UNFOLD = 8 /* which samples are trained on as simulations live them */
} m4_purpose;

/* The raw block: 128-bit counter, 64-bit key -> 128 random bits. */
void m4_philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* 64 random bits for (seed, purpose, step, index). */
uint64_t m4_random_u64(uint64_t seed, m4_purpose purpose, uint32_t step, uint64_t index);
/* Uniform in [0, 1), 53 bits. */
double m4_random_uniform(uint64_t seed, m4_purpose purpose, uint32_t step, uint64_t index);

/* A sequence: convenience for code that draws one number after another. Copyable value; no other state. */
typedef struct m4_rng {
  uint64_t seed;
  m4_purpose purpose;
  uint32_t step;
  uint64_t next_index;
} m4_rng;

m4_rng m4_rng_make(uint64_t seed, m4_purpose purpose, uint32_t step);
uint64_t m4_rng_u64(m4_rng *rng);
double m4_rng_uniform(m4_rng *rng); /* [0, 1) */
double m4_rng_normal(m4_rng *rng);  /* mean 0, sd 1; takes two draws (Box-Muller, cosine branch) */
uint64_t m4_rng_below(m4_rng *rng, uint64_t bound); /* 0 .. bound-1, unbiased; bound > 0 */

#endif
