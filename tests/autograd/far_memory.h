/* Memory that the host may not touch, for back ends in tests: what a caller gets are addresses in a range
 * without access, and only far_near() leads to the bytes. A stray access of the host ends the test, and so
 * does one behind an allocation or into one that was freed. */
#ifndef AG_TESTS_FAR_MEMORY_H
#define AG_TESTS_FAR_MEMORY_H

#include <stddef.h>

/* Aligned to 64 bytes; NULL when there is no more. Small blocks hold NaN. */
void *far_alloc(size_t bytes);
void far_free(void *memory);

/* The same bytes where they can be read and written; other addresses, NULL among them, stay as they are. */
void *far_near(const void *address);

#endif
