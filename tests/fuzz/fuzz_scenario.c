/* Text files of a scenario folder. The input holds several: a line "=== NAME" begins the file NAME.txt. What
 * is accepted can be written, and is accepted again. */
#include "sim/scenario.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

static const char *const names[] = {"topology", "flows", "config", "params", "fct"};
enum { N_NAMES = sizeof names / sizeof *names, NAME_BYTES = 32 };
static const char MARK[] = "=== ";

/* Where the next mark at the beginning of a line is, or the end. */
static const uint8_t *next_mark(const uint8_t *from, const uint8_t *end) {
  size_t mark_bytes = sizeof MARK - 1;
  for (const uint8_t *line = from; line && (size_t)(end - line) > mark_bytes;) {
    if (memcmp(line, MARK, mark_bytes) == 0) return line;
    line = memchr(line, '\n', (size_t)(end - line));
    if (line) line++;
  }
  return end;
}

static void write_part(const uint8_t *begin, const uint8_t *end) {
  const uint8_t *line = memchr(begin, '\n', (size_t)(end - begin));
  if (!line) return;
  for (int i = 0; i < N_NAMES; ++i) {
    size_t length = strlen(names[i]);
    if ((size_t)(line - begin) != length || memcmp(begin, names[i], length) != 0) continue;
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s.txt", names[i]);
    fuzz_write(name, line + 1, (size_t)(end - line - 1));
  }
}

static void remove_parts(void) {
  for (int i = 0; i < N_NAMES; ++i) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.txt", fuzz_folder(), names[i]);
    unlink(path);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  const uint8_t *end = bytes + length;
  sim_scenario *scenario = NULL, *again = NULL;
  m4_error error = {0};
  remove_parts();
  for (const uint8_t *at = next_mark(bytes, end); at < end;) {
    const uint8_t *next = next_mark(at + sizeof MARK - 1, end);
    write_part(at + sizeof MARK - 1, next);
    at = next;
  }
  if (sim_scenario_read(&scenario, fuzz_folder(), &error) != M4_OK) {
    FUZZ_CHECK(!scenario && error.what[0] && error.where[0]);
    return 0;
  }
  FUZZ_CHECK(sim_scenario_write(scenario, fuzz_folder(), &error) == M4_OK);
  FUZZ_CHECK(sim_scenario_read(&again, fuzz_folder(), &error) == M4_OK);
  FUZZ_CHECK(again->n_flows == scenario->n_flows);
  sim_scenario_free(again);
  sim_scenario_free(scenario);
  return 0;
}
