#include "base/arena.h"

#include "testing.h"

static void pointers_are_aligned_and_apart(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, 1 << 20, NULL), M4_OK);
  unsigned char *a = m4_arena_alloc(&arena, 3, 1), *b = m4_arena_alloc(&arena, 100, 8);
  assert_int_equal((uintptr_t)a % 64, 0);
  assert_int_equal((uintptr_t)b % 64, 0);
  memset(a, 1, 3);
  memset(b, 2, 800);
  assert_int_equal(a[2], 1);
  assert_true(b >= a + 3);
  m4_arena_free(&arena);
}

static void release_gives_the_space_back(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, 1 << 20, NULL), M4_OK);
  char *kept = m4_arena_strdup(&arena, "kept");
  size_t mark = m4_arena_mark(&arena);
  void *first = m4_arena_alloc(&arena, 1000, 1);
  size_t peak = arena.peak_bytes;
  m4_arena_release(&arena, mark);
  int *again = m4_arena_calloc(&arena, 10, sizeof *again);
  assert_ptr_equal(first, again);
  for (int i = 0; i < 10; ++i) assert_int_equal(again[i], 0);
  assert_string_equal(kept, "kept");
  assert_int_equal(arena.peak_bytes, peak);
  m4_arena_release(&arena, 1 << 19); /* a mark above the fill level changes nothing */
  assert_true(arena.used_bytes < 1 << 19);
  m4_arena_free(&arena);
}

static void calloc_clears_used_memory(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, 4096, NULL), M4_OK);
  memset(m4_arena_alloc(&arena, 256, 1), 0xff, 256);
  m4_arena_release(&arena, 0);
  unsigned char *clean = m4_arena_calloc(&arena, 256, 1);
  for (int i = 0; i < 256; ++i) assert_int_equal(clean[i], 0);
  m4_arena_free(&arena);
}

static void exhaustion_returns_null_and_changes_nothing(void **state) {
  (void)state;
  m4_arena arena;
  assert_int_equal(m4_arena_init(&arena, 1 << 16, NULL), M4_OK);
  assert_non_null(m4_arena_alloc(&arena, 1 << 15, 1));
  size_t used = arena.used_bytes;
  assert_null(m4_arena_alloc(&arena, arena.reserved_bytes, 1));
  assert_null(m4_arena_alloc(&arena, SIZE_MAX / 2, 4));
  assert_null(m4_arena_alloc(&arena, SIZE_MAX, 1));
  assert_null(m4_arena_calloc(&arena, SIZE_MAX, SIZE_MAX));
  assert_int_equal(arena.used_bytes, used);
  assert_non_null(m4_arena_alloc(&arena, arena.reserved_bytes - used, 1));
  assert_null(m4_arena_alloc(&arena, 1, 1));
  m4_arena_free(&arena);
}

static void impossible_reserve_is_an_error(void **state) {
  (void)state;
  m4_arena arena;
  m4_error err = {0};
  assert_int_equal(m4_arena_init(&arena, SIZE_MAX - 1, &err), M4_MEMORY);
  assert_int_equal(m4_arena_init(&arena, SIZE_MAX / 2, &err), M4_MEMORY);
  assert_non_null(strstr(err.what, "cannot reserve"));
  m4_arena_free(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(pointers_are_aligned_and_apart),
      cmocka_unit_test(release_gives_the_space_back),
      cmocka_unit_test(calloc_clears_used_memory),
      cmocka_unit_test(exhaustion_returns_null_and_changes_nothing),
      cmocka_unit_test(impossible_reserve_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
