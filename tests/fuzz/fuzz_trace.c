/* Packet traces: the input is the trace of a folder whose other files are good. What is accepted are facts
 * that the dataset accepts. */
#include "base/file.h"
#include "data/events.h"
#include "datagen/import/ns3.h"
#include "tests/fuzz/fuzz.h"

/* Two flows of three packets to one host; the seeds are its traces. */
static const char TOPOLOGY[] = "4 1 3\n3\n0 3 10Gbps 1000ns 0\n1 3 10Gbps 1000ns 0\n2 3 10Gbps 1000ns 0\n";
static const char FLOWS[] = "2\n0 0 2 3 100 500 1\n1 1 2 3 100 1500 1.0000001\n";
static const char FCTS[] = "0 0b000001 0b000201 10000 100 500 1000000000 2876 2876\n"
                           "1 0b000101 0b000201 10000 100 1500 1000000100 4114 4114\n";

static void copy_config(void) {
  char *text;
  size_t length;
  FUZZ_CHECK(m4_file_read(M4_TEST_DATA "/ns3/trace_two/dctcp/config.txt", 1 << 20, &text, &length, NULL) ==
             M4_OK);
  fuzz_write("config.txt", text, length);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  static bool prepared;
  if (!prepared) {
    fuzz_write("topology.txt", TOPOLOGY, sizeof TOPOLOGY - 1);
    fuzz_write("flows.txt", FLOWS, sizeof FLOWS - 1);
    fuzz_write("fct.txt", FCTS, sizeof FCTS - 1);
    copy_config();
    prepared = true;
  }
  ds_scenario facts;
  m4_arena arena;
  m4_error error = {0};
  fuzz_write("mix.tr", bytes, length);
  if (dg_import_ns3(&facts, &arena, fuzz_folder(), NULL, &error) != M4_OK) {
    FUZZ_CHECK(error.what[0] && error.where[0]);
    return 0;
  }
  ds_events events;
  FUZZ_CHECK(ds_check_scenario(&facts, &events, &arena, &error) == M4_OK);
  m4_arena_free(&arena);
  return 0;
}
