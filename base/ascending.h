/* A list of distinct int32 numbers in ascending order, such as the flows that are active. The caller owns the
 * array and its size. Knows nothing. */
#ifndef M4_BASE_ASCENDING_H
#define M4_BASE_ASCENDING_H

#include <stdint.h>

typedef struct m4_ascending {
  int32_t *items; /* room for every number that can be in the list at one time */
  int64_t count;
} m4_ascending;

/* Place of the first item that is not below `item`; count when there is none. */
int64_t m4_ascending_place(const m4_ascending *list, int32_t item);
/* item must not be in the list. */
void m4_ascending_insert(m4_ascending *list, int32_t item);
/* item must be in the list. */
void m4_ascending_remove(m4_ascending *list, int32_t item);

#endif
