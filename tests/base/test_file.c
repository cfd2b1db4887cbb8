#include "base/file.h"

#include "testing.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

static void write_gzip(const char *path, const char *text) {
  gzFile file = gzopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), strlen(text));
  assert_int_equal(gzclose(file), Z_OK);
}

static int count_entries(const char *folder) {
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  int count = -2; /* . and .. */
  while (readdir(dir)) ++count;
  closedir(dir);
  return count;
}

static void expect_read_error(const char *path, size_t max_bytes, m4_status expected, const char *words) {
  char *text = (char *)1;
  size_t length;
  m4_error err = {0};
  assert_int_equal(m4_file_read(path, max_bytes, &text, &length, &err), expected);
  assert_null(text);
  assert_string_equal(err.where, path);
  if (!strstr(err.what, words)) fail_msg("\"%s\" does not say \"%s\"", err.what, words);
}

static void expect_content(const char *path, size_t max_bytes, const char *expected) {
  char *text;
  size_t length;
  assert_int_equal(m4_file_read(path, max_bytes, &text, &length, NULL), M4_OK);
  assert_int_equal(length, strlen(expected));
  assert_string_equal(text, expected);
  free(text);
}

static void plain_and_gzip_read_alike(void **state) {
  const char *path = scratch_path(state, "a.txt");
  write_text(path, "hello\n");
  expect_content(path, 100, "hello\n");
  write_text(path, "");
  expect_content(path, 100, "");
  write_gzip(path, "packed under a plain name");
  expect_content(path, 100, "packed under a plain name");
  assert_int_equal(unlink(path), 0);
  write_gzip(scratch_path(state, "a.txt.gz"), "found by its .gz");
  expect_content(scratch_path(state, "a.txt"), 100, "found by its .gz");
  assert_true(m4_file_exists(scratch_path(state, "a.txt")));
  assert_false(m4_file_exists(scratch_path(state, "b.txt")));
}

static void errors_name_the_packed_file(void **state) {
  char packed[4096], *text;
  size_t length;
  m4_error err = {0};
  snprintf(packed, sizeof packed, "%s", scratch_path(state, "c.txt.gz"));
  write_gzip(packed, "longer than three");
  assert_int_equal(m4_file_read(scratch_path(state, "c.txt"), 3, &text, &length, &err), M4_DATA);
  assert_string_equal(err.where, packed);
}

static void long_files_grow_the_buffer(void **state) {
  enum { LENGTH = 300000 };
  char *text = malloc(LENGTH + 1);
  for (int i = 0; i < LENGTH; ++i) text[i] = (char)('a' + i % 23);
  text[LENGTH] = '\0';
  const char *path = scratch_path(state, "long.txt");
  write_text(path, text);
  expect_content(path, SIZE_MAX, text);
  expect_content(path, LENGTH, text);
  expect_read_error(path, LENGTH - 1, M4_DATA, "longer than the limit of 299999 bytes");
  free(text);
}

static void limits_hold_for_unpacked_bytes(void **state) {
  const char *path = scratch_path(state, "bomb.gz");
  char *zeros = malloc(4000001);
  memset(zeros, 'x', 4000000);
  zeros[4000000] = '\0';
  write_gzip(path, zeros);
  free(zeros);
  expect_read_error(path, 100000, M4_DATA, "longer than the limit");
}

static void damaged_gzip_is_an_error(void **state) {
  const char *path = scratch_path(state, "a.gz");
  char text[2000];
  for (int i = 0; i < 1999; ++i) text[i] = (char)(' ' + (i * 7919 + i / 13) % 90);
  text[1999] = '\0';
  write_gzip(path, text);
  struct stat info;
  assert_int_equal(stat(path, &info), 0);
  for (off_t length = 2; length < info.st_size; length += length < 20 ? 1 : 97) {
    write_gzip(path, text);
    assert_int_equal(truncate(path, length), 0);
    expect_read_error(path, 100000, M4_DATA, "damaged gzip");
  }
  write_gzip(path, text);
  FILE *file = fopen(path, "r+b");
  fseek(file, -8, SEEK_END); /* the checksum */
  fwrite("\xde\xad\xbe\xef", 1, 4, file);
  fclose(file);
  expect_read_error(path, 100000, M4_DATA, "damaged gzip");
}

static void unreadable_things_are_io_errors(void **state) {
  assert_int_equal(mkfifo(scratch_path(state, "fifo"), 0600), 0);
  expect_read_error(scratch_path(state, "fifo"), 100, M4_IO, "not a regular file");
  expect_read_error(scratch_path(state, "missing"), 100, M4_IO, "No such file");
  expect_read_error((char *)*state, 100, M4_IO, "is a folder");
  char *text;
  size_t length;
  assert_int_equal(m4_file_read(scratch_path(state, "missing"), 100, &text, &length, NULL), M4_IO);
}

static void commit_replaces_at_once(void **state) {
  const char *path = scratch_path(state, "out.txt");
  write_text(path, "old");
  m4_outfile file;
  assert_int_equal(m4_outfile_open(&file, path, NULL), M4_OK);
  fputs("new", file.stream);
  fflush(file.stream);
  expect_content(path, 100, "old");
  assert_int_equal(m4_outfile_commit(&file, NULL), M4_OK);
  expect_content(path, 100, "new");
  assert_int_equal(count_entries(*state), 1);
  m4_outfile_abandon(&file); /* harmless after commit */
  expect_content(path, 100, "new");
}

static void abandon_leaves_the_old_file(void **state) {
  const char *path = scratch_path(state, "out.txt");
  write_text(path, "old");
  m4_outfile file;
  assert_int_equal(m4_outfile_open(&file, path, NULL), M4_OK);
  fputs("half", file.stream);
  m4_outfile_abandon(&file);
  expect_content(path, 100, "old");
  assert_int_equal(count_entries(*state), 1);
  m4_outfile zeroed = {0};
  m4_outfile_abandon(&zeroed);
  assert_int_equal(m4_outfile_commit(&zeroed, NULL), M4_INTERNAL);
}

static void failing_writes_leave_the_old_file(void **state) {
  const char *path = scratch_path(state, "out.txt");
  write_text(path, "old");
  m4_outfile file;
  assert_int_equal(m4_outfile_open(&file, path, NULL), M4_OK);
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 1000;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  for (int i = 0; i < 100000; ++i) fputc('x', file.stream);
  m4_error err = {0};
  m4_status status = m4_outfile_commit(&file, &err);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  assert_int_equal(status, M4_IO);
  assert_string_equal(err.where, path);
  expect_content(path, 100, "old");
  assert_int_equal(count_entries(*state), 1);
}

static void expect_open_error(const char *path, const char *words) {
  m4_outfile file;
  m4_error err = {0};
  assert_int_equal(m4_outfile_open(&file, path, &err), M4_IO);
  assert_null(file.stream);
  if (!strstr(err.what, words)) fail_msg("\"%s\" does not say \"%s\"", err.what, words);
}

static void impossible_places_are_io_errors(void **state) {
  expect_open_error(scratch_path(state, "missing/out.txt"), "No such file");
  expect_open_error((char *)*state, "not a regular file");
  expect_open_error("/dev/null", "not a regular file");
  write_text(scratch_path(state, "file"), "x");
  expect_open_error(scratch_path(state, "file/out.txt"), "Not a directory");
  if (geteuid() == 0) return; /* root may write anywhere */
  assert_int_equal(mkdir(scratch_path(state, "locked"), 0500), 0);
  expect_open_error(scratch_path(state, "locked/out.txt"), "Permission denied");
}

static void publish_moves_or_cleans_up(void **state) {
  char temp[4096];
  snprintf(temp, sizeof temp, "%s", scratch_path(state, "x.tmp"));
  write_text(temp, "content");
  assert_int_equal(m4_file_publish(temp, scratch_path(state, "x"), NULL), M4_OK);
  expect_content(scratch_path(state, "x"), 100, "content");
  write_text(temp, "content");
  assert_int_equal(m4_file_publish(temp, scratch_path(state, "missing/x"), NULL), M4_IO);
  assert_false(m4_file_exists(temp));
  assert_int_equal(m4_file_publish(temp, scratch_path(state, "x"), NULL), M4_IO);
  expect_content(scratch_path(state, "x"), 100, "content");
}

static void folders_are_made_with_parents(void **state) {
  const char *path = scratch_path(state, "a/b//c/");
  assert_int_equal(m4_dir_make(path, NULL), M4_OK);
  assert_int_equal(m4_dir_make(path, NULL), M4_OK);
  assert_true(m4_file_exists(scratch_path(state, "a/b/c")));
  write_text(scratch_path(state, "a/file"), "x");
  m4_error err = {0};
  assert_int_equal(m4_dir_make(scratch_path(state, "a/file"), &err), M4_IO);
  assert_non_null(strstr(err.what, "Not a directory"));
  assert_int_equal(m4_dir_make(scratch_path(state, "a/file/b"), &err), M4_IO);
  assert_int_equal(m4_dir_make("", &err), M4_USAGE);
}

static void expect_last(const char *path, const char *expected) {
  char out[8];
  m4_path_last(out, sizeof out, path);
  assert_string_equal(out, expected);
}

static void paths(void **state) {
  (void)state;
  char out[8];
  assert_int_equal(m4_path_join(out, sizeof out, "a", "b", NULL), M4_OK);
  assert_string_equal(out, "a/b");
  assert_int_equal(m4_path_join(out, sizeof out, "a/", "b", NULL), M4_OK);
  assert_string_equal(out, "a/b");
  assert_int_equal(m4_path_join(out, sizeof out, "", "b", NULL), M4_OK);
  assert_string_equal(out, "b");
  assert_int_equal(m4_path_join(out, sizeof out, "1234", "67", NULL), M4_OK);
  assert_int_equal(m4_path_join(out, sizeof out, "1234", "678", NULL), M4_USAGE);
  expect_last("a/b/", "b");
  expect_last("a", "a");
  expect_last("a/b//", "b");
  expect_last("/", "");
  expect_last("", "");
  expect_last("x/123456789", "1234567");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(plain_and_gzip_read_alike, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(errors_name_the_packed_file, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(long_files_grow_the_buffer, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(limits_hold_for_unpacked_bytes, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(damaged_gzip_is_an_error, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(unreadable_things_are_io_errors, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(commit_replaces_at_once, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(abandon_leaves_the_old_file, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(failing_writes_leave_the_old_file, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(impossible_places_are_io_errors, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(publish_moves_or_cleans_up, scratch_setup, scratch_teardown),
      cmocka_unit_test_setup_teardown(folders_are_made_with_parents, scratch_setup, scratch_teardown),
      cmocka_unit_test(paths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
