/* Arena: one reserved address range, bump allocation, mark and release. Pointers stay valid until released.
 * Memory is committed by the kernel when first touched, so a generous reserve costs nothing. Knows status
 * only. */
#ifndef M4_BASE_ARENA_H
#define M4_BASE_ARENA_H

#include "base/status.h"

#include <stddef.h>

typedef struct m4_arena {
  unsigned char *base;
  size_t reserved_bytes;
  size_t used_bytes;
  size_t peak_bytes; /* largest used_bytes so far */
} m4_arena;

/* Reserves at least `reserve_bytes`. M4_MEMORY when the range cannot be had. Free with m4_arena_free. */
m4_status m4_arena_init(m4_arena *arena, size_t reserve_bytes, m4_error *err);
/* Asks for large pages: less time in page faults and address translation for memory that is streamed through;
 * the first touch of each 2 MiB commits all of it. Without effect where the system has none. */
void m4_arena_use_large_pages(m4_arena *arena);
void m4_arena_free(m4_arena *arena); /* zeroed arenas are accepted */

/* 64-byte aligned, uninitialised; NULL when the reserve is exhausted (nothing changes then). count*size is
 * overflow-checked. */
void *m4_arena_alloc(m4_arena *arena, size_t count, size_t size);
void *m4_arena_calloc(m4_arena *arena, size_t count, size_t size);
char *m4_arena_strdup(m4_arena *arena, const char *text);

/* mark() remembers the fill level, release() drops everything allocated since. */
size_t m4_arena_mark(const m4_arena *arena);
void m4_arena_release(m4_arena *arena, size_t mark);

#endif
