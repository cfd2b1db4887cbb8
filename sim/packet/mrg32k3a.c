/* See mrg32k3a.h. A component's state is its last three values, oldest first; one step is a 3x3 matrix modulo
 * the component's m. */
#include "sim/packet/mrg32k3a.h"

#include <string.h>

static const uint64_t M1 = 4294967087u, M2 = 4294944443u;
static const uint64_t A12 = 1403580u, A13 = 810728u, A21 = 527612u,
                      A23 = 1370589u; /* A13 and A23 are subtracted */

static void apply(const uint64_t matrix[3][3], uint64_t vector[3], uint64_t m) {
  uint64_t result[3];
  for (int i = 0; i < 3; i++) {
    result[i] = 0;
    for (int j = 0; j < 3; j++) result[i] = (result[i] + matrix[i][j] * vector[j]) % m;
  }
  memcpy(vector, result, sizeof result);
}

static void square(uint64_t matrix[3][3], uint64_t m) {
  uint64_t result[3][3];
  for (int column = 0; column < 3; column++) {
    uint64_t vector[3] = {matrix[0][column], matrix[1][column], matrix[2][column]};
    apply((const uint64_t(*)[3])matrix, vector, m);
    for (int row = 0; row < 3; row++) result[row][column] = vector[row];
  }
  memcpy(matrix, result, sizeof result);
}

/* vector *= matrix^power */
static void advance(const uint64_t matrix[3][3], uint64_t power, uint64_t vector[3], uint64_t m) {
  uint64_t factor[3][3];
  memcpy(factor, matrix, sizeof factor);
  for (; power; power >>= 1) {
    if (power & 1) apply((const uint64_t(*)[3])factor, vector, m);
    square(factor, m);
  }
}

static void start_component(uint64_t step[3][3], uint64_t state[3], uint64_t stream, uint64_t m) {
  for (int i = 0; i < 3; i++) state[i] = 1;
  for (int i = 0; i < 127; i++) {
    if (i == 76) apply((const uint64_t(*)[3])step, state, m);
    square(step, m);
  }
  advance((const uint64_t(*)[3])step, stream, state, m);
}

void pkt_random_init(pkt_random *random, uint64_t stream) {
  const uint64_t first[3][3] = {{0, 1, 0}, {0, 0, 1}, {M1 - A13, A12, 0}};
  const uint64_t second[3][3] = {{0, 1, 0}, {0, 0, 1}, {M2 - A23, 0, A21}};
  memcpy(random->first_jump, first, sizeof first);
  memcpy(random->second_jump, second, sizeof second);
  start_component(random->first_jump, random->first, stream, M1);
  start_component(random->second_jump, random->second, stream, M2);
}

void pkt_random_skip(pkt_random *random) {
  apply((const uint64_t(*)[3])random->first_jump, random->first, M1);
  apply((const uint64_t(*)[3])random->second_jump, random->second, M2);
}

double pkt_random_uniform(pkt_random *random) {
  const uint64_t *s1 = random->first, *s2 = random->second;
  uint64_t p1 = (A12 * s1[1] + (M1 - A13) * s1[0]) % M1;
  uint64_t p2 = (A21 * s2[2] + (M2 - A23) * s2[0]) % M2;
  double value = (double)(p1 > p2 ? p1 - p2 : p1 + M1 - p2) * 2.328306549295727688e-10; /* 1 / (M1 + 1) */
  pkt_random_skip(random);
  return value;
}
