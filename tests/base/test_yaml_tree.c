/* The YAML subset, its positions, its limits, and hostile input. */
#include "base/yaml_tree.h"

#include "testing.h"

static void expect_error(const char *text, size_t length, const char *where, const char *words) {
  m4_arena arena;
  m4_yaml_node *root;
  m4_error err = {0};
  assert_int_equal(m4_yaml_parse("t.yaml", text, length, &arena, &root, &err), M4_USAGE);
  assert_null(root);
  m4_arena_free(&arena);
  if (where) assert_string_equal(err.where, where);
  if (!strstr(err.what, words)) fail_msg("\"%s\" does not say \"%s\"", err.what, words);
}

static void expect_text_error(const char *text, const char *where, const char *words) {
  expect_error(text, strlen(text), where, words);
}

static m4_yaml_node *parse(m4_arena *arena, const char *text) {
  m4_yaml_node *root;
  m4_error err = {0};
  if (m4_yaml_parse("t.yaml", text, strlen(text), arena, &root, &err) != M4_OK)
    fail_msg("%s: %s", err.where, err.what);
  return root;
}

static void tree_and_positions(void **state) {
  (void)state;
  m4_arena arena;
  m4_yaml_node *root = parse(&arena, "# comment\na:\n  b: [1, 'two']\nc: \"3\"\n");
  assert_int_equal(root->kind, M4_YAML_MAP);
  assert_int_equal(root->count, 2);
  m4_yaml_node *b = root->first->first;
  assert_string_equal(b->key->text, "b");
  assert_int_equal(b->key->line, 3);
  assert_int_equal(b->key->column, 3);
  assert_int_equal(b->kind, M4_YAML_LIST);
  assert_int_equal(b->count, 2);
  assert_int_equal(b->column, 6);
  assert_true(b->first->plain);
  assert_string_equal(b->first->next->text, "two");
  assert_false(b->first->next->plain);
  assert_int_equal(b->first->next->column, 10);
  assert_null(b->first->next->next);
  assert_string_equal(root->first->next->text, "3");
  assert_int_equal(root->first->next->line, 4);
  m4_arena_free(&arena);
}

static void texts_without_content(void **state) {
  (void)state;
  const char *nulls[] = {"", "\n\n", "# only a comment\n", "---\n", "~", "null"};
  for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; ++i) {
    m4_arena arena;
    assert_true(m4_yaml_is_null(parse(&arena, nulls[i])));
    m4_arena_free(&arena);
  }
  m4_arena arena;
  assert_false(m4_yaml_is_null(parse(&arena, "'null'")));
  m4_arena_free(&arena);
}

static void refused_features(void **state) {
  (void)state;
  expect_text_error("a: &x 1\n", "t.yaml:1:4", "anchors are not allowed");
  expect_text_error("a: &x [1]\n", "t.yaml:1:4", "anchors are not allowed");
  expect_text_error("a: &x {b: 1}\n", "t.yaml:1:4", "anchors are not allowed");
  expect_text_error("a: 1\nb: *x\n", "t.yaml:2:4", "aliases are not allowed");
  expect_text_error("a: !!int 1\n", "t.yaml:1:4", "tags are not allowed");
  expect_text_error("a: !mine [1]\n", "t.yaml:1:4", "tags are not allowed");
  expect_text_error("? [a, b]\n: 1\n", "t.yaml:1:3", "a key must be a name");
  expect_text_error("'': 1\n", "t.yaml:1:1", "a key must be a name");
  expect_text_error("a: 1\n---\nb: 2\n", "t.yaml:2:1", "more than one document");
  expect_text_error("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n", "t.yaml:5:3", "c is given twice, first in line 3");
  expect_error("a: \"x\\0y\"\n", 10, "t.yaml:1:4", "NUL character");
}

static void syntax_errors_have_positions(void **state) {
  (void)state;
  expect_text_error("a:\n\tb: 1\n", "t.yaml:2:1", "cannot start any token");
  expect_text_error("a: [1, 2\nb: 3\n", "t.yaml:2:2", "expected ',' or ']'");
  expect_text_error("a: 'open\n", "t.yaml:2:1", "unexpected end of stream");
  expect_text_error("a: 1\n b: 2\n", "t.yaml:2:3", "mapping values are not allowed");
  expect_text_error("a: \"\\q\"\n", NULL, "unknown escape");
}

static void bytes_that_are_not_text(void **state) {
  (void)state;
  expect_error("a: 1\nb: x\0y\n", 12, "t.yaml:2:5", "control characters");
  expect_text_error("a: 1\nbb: \xff\n", "t.yaml:2:5", "invalid leading UTF-8 octet");
  expect_text_error("a: \xc3(\n", "t.yaml:1:5", "UTF-8");
  expect_text_error("a: \xed\xa0\x80\n", "t.yaml:1:4", "invalid Unicode character");
  expect_error("\xff\xfe"
               "a\0:\0 \0"
               "1\0",
               10, "t.yaml:1:1", "UTF-8");
}

static char *repeated(const char *piece, size_t times, const char *end) {
  size_t length = strlen(piece);
  char *text = malloc(length * times + strlen(end) + 1);
  assert_non_null(text);
  for (size_t i = 0; i < times; ++i) memcpy(text + i * length, piece, length);
  strcpy(text + length * times, end);
  return text;
}

static void nesting_is_limited(void **state) {
  (void)state;
  m4_arena arena;
  char *deep = repeated("[", 16, "]]]]]]]]]]]]]]]]");
  assert_non_null(parse(&arena, deep));
  m4_arena_free(&arena);
  free(deep);
  const char *pieces[] = {"[", "{a: ", "- ", "[{a: "};
  for (size_t i = 0; i < 4; ++i) {
    deep = repeated(pieces[i], 40000, "");
    expect_text_error(deep, NULL, "nested more than 16 levels");
    free(deep);
  }
}

static void sizes_are_limited(void **state) {
  (void)state;
  char *huge = repeated("x", 4097, "");
  expect_text_error(huge, "t.yaml:1:1", "longer than 4096");
  huge[4096] = '\0';
  m4_arena arena;
  assert_int_equal(strlen(parse(&arena, huge)->text), 4096);
  m4_arena_free(&arena);
  free(huge);
  char *key = repeated("k", 65, ": 1\n");
  expect_text_error(key, "t.yaml:1:1", "a key longer than 64 bytes");
  free(key);
  char *list = repeated("1,", 65537, "]");
  char *text = malloc(strlen(list) + 2);
  sprintf(text, "[%s", list);
  expect_text_error(text, NULL, "more than 65536 items");
  free(list);
  char *map = calloc(1, 20000);
  for (int i = 0; i < 1025; ++i) sprintf(map + strlen(map), "k%d: 1\n", i);
  expect_text_error(map, "t.yaml:1025:1", "more than 1024 keys");
  free(map);
  free(text);
}

/* Many tiny nodes need the most arena per byte of text. */
static void the_arena_is_large_enough(void **state) {
  (void)state;
  m4_arena arena;
  const char *pieces[] = {"-\n", "- a\n", "- {a,b}\n", "- []\n", "- {a}\n"};
  for (size_t i = 0; i < 5; ++i) {
    char *text = repeated(pieces[i], 60000, "");
    assert_int_equal(parse(&arena, text)->count, 60000);
    m4_arena_free(&arena);
    free(text);
  }
}

/* Every prefix of a valid file, and every byte of it damaged: an error or a tree, never a crash. */
static void damaged_texts_do_no_harm(void **state) {
  (void)state;
  const char *good = "a:\n  b: [1, 'two', \"x\\n\"]\n  c: {d: ~, e: 1e5}\n# end\nf: |\n  text\n";
  char text[128];
  for (size_t cut = 0; cut <= strlen(good); ++cut) {
    for (int byte = 0; byte < 256; byte += cut < strlen(good) ? 5 : 256) {
      size_t length = strlen(good);
      memcpy(text, good, length);
      text[cut] = (char)byte;
      m4_arena arena;
      m4_yaml_node *root;
      m4_error err = {0};
      m4_status status = m4_yaml_parse("t", text, byte == 0 ? cut : length, &arena, &root, &err);
      assert_true(status == M4_OK || (status == M4_USAGE && err.what[0] && strchr(err.where, ':')));
      m4_arena_free(&arena);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tree_and_positions),       cmocka_unit_test(texts_without_content),
      cmocka_unit_test(refused_features),         cmocka_unit_test(syntax_errors_have_positions),
      cmocka_unit_test(bytes_that_are_not_text),  cmocka_unit_test(nesting_is_limited),
      cmocka_unit_test(sizes_are_limited),        cmocka_unit_test(the_arena_is_large_enough),
      cmocka_unit_test(damaged_texts_do_no_harm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
