/* h5py reads what we write, without our code: check_h5py.py looks at a fresh shard. Skipped without h5py. */
#include "tests/dataset/synthetic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static void test_h5py(void **state) {
  synthetic_options star = {.seed = 51, .n_hosts = 8, .n_flows = 60, .mean_gap_ns = 40000};
  const char *path = scratch_path(state, "shard.h5");
  synthetic_shard(path, "s", 3, star);
  char command[8192];
  snprintf(command, sizeof command, "/usr/bin/python3 '%s' '%s'", M4_CHECK_SCRIPT, path);
  int result = system(command);
  assert_true(WIFEXITED(result));
  if (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127) skip();
  assert_int_equal(WEXITSTATUS(result), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_h5py)};
  return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
