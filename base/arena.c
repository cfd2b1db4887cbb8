/* Arena on an anonymous mapping without swap reservation. Knows status only. */
#include "base/arena.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGN_BYTES = 64 };

/* Fuzz builds let AddressSanitizer watch the arena: what lies behind an allocation, up to a page, may not be
 * touched, and there is room for it between two of them. */
#ifdef M4_ARENA_GUARD
#include <sanitizer/asan_interface.h>
enum { GUARD_BYTES = 64, WATCHED_BYTES = 4096 };

static void guard(const m4_arena *arena, const unsigned char *block, size_t bytes) {
  size_t left = (size_t)(arena->base + arena->reserved_bytes - (block + bytes));
  __asan_unpoison_memory_region(block, bytes);
  __asan_poison_memory_region(block + bytes, left < WATCHED_BYTES ? left : WATCHED_BYTES);
}

static void unguard(const m4_arena *arena) {
  size_t left = arena->reserved_bytes - arena->peak_bytes;
  __asan_unpoison_memory_region(arena->base,
                                arena->peak_bytes + (left < WATCHED_BYTES ? left : WATCHED_BYTES));
}
#else
enum { GUARD_BYTES = 0 };

static void guard(const m4_arena *arena, const unsigned char *block, size_t bytes) {
  (void)arena, (void)block, (void)bytes;
}

static void unguard(const m4_arena *arena) {
  (void)arena;
}
#endif

m4_status m4_arena_init(m4_arena *arena, size_t reserve_bytes, m4_error *err) {
  memset(arena, 0, sizeof *arena);
  size_t page = 1u << 16;
  if (reserve_bytes > SIZE_MAX - page)
    return m4_fail(err, M4_MEMORY, NULL, "cannot reserve %zu bytes", reserve_bytes);
  size_t bytes = (reserve_bytes + page - 1) / page * page;
  if (bytes == 0) bytes = page;
  void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED)
    return m4_fail(err, M4_MEMORY, NULL, "cannot reserve %zu bytes of address space", bytes);
  arena->base = base;
  arena->reserved_bytes = bytes;
  return M4_OK;
}

void m4_arena_use_large_pages(m4_arena *arena) {
#ifdef MADV_HUGEPAGE
  madvise(arena->base, arena->reserved_bytes, MADV_HUGEPAGE);
#else
  (void)arena;
#endif
}

void m4_arena_free(m4_arena *arena) {
  unguard(arena);
  if (arena->base) munmap(arena->base, arena->reserved_bytes);
  memset(arena, 0, sizeof *arena);
}

void *m4_arena_alloc(m4_arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX - ALIGN_BYTES - GUARD_BYTES)
    return NULL;
  size_t whole = (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES + GUARD_BYTES;
  if (whole > arena->reserved_bytes - arena->used_bytes) return NULL;
  unsigned char *result = arena->base + arena->used_bytes;
  arena->used_bytes += whole;
  guard(arena, result, bytes);
  if (arena->used_bytes > arena->peak_bytes) arena->peak_bytes = arena->used_bytes;
  return result;
}

void *m4_arena_calloc(m4_arena *arena, size_t count, size_t size) {
  void *result = m4_arena_alloc(arena, count, size);
  if (result) memset(result, 0, count * size);
  return result;
}

char *m4_arena_strdup(m4_arena *arena, const char *text) {
  size_t length = strlen(text) + 1;
  char *copy = m4_arena_alloc(arena, length, 1);
  if (copy) memcpy(copy, text, length);
  return copy;
}

size_t m4_arena_mark(const m4_arena *arena) {
  return arena->used_bytes;
}

void m4_arena_release(m4_arena *arena, size_t mark) {
  if (mark >= arena->used_bytes) return;
  arena->used_bytes = mark;
  guard(arena, arena->base + mark, 0);
}
