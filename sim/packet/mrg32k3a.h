/* The random streams of the original: MRG32k3a (L'Ecuyer, Simard, Chen, Kelton 2002), many streams, one draw
 * from each. Knows nothing. Source: packet-simulator.md 9. */
#ifndef SIM_PACKET_MRG32K3A_H
#define SIM_PACKET_MRG32K3A_H

#include <stdint.h>

/* Where the next stream starts: all-ones advanced by stream * 2^127 + 2^76. */
typedef struct pkt_random {
  uint64_t first[3], second[3];                 /* the two component states */
  uint64_t first_jump[3][3], second_jump[3][3]; /* transition matrices to the power 2^127 */
} pkt_random;

void pkt_random_init(pkt_random *random, uint64_t stream);
/* Passes a stream by. */
void pkt_random_skip(pkt_random *random);
/* First number of the next stream, uniform in (0, 1). */
double pkt_random_uniform(pkt_random *random);

#endif
