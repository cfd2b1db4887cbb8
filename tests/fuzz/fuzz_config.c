/* Configuration files. What is accepted is printed as a file that reads back to the same. */
#include "datagen/campaign_config.h"
#include "tests/fuzz/fuzz.h"

static char *print(const m4_config *config, size_t *length) {
  char *text = NULL;
  FILE *stream = open_memstream(&text, length);
  FUZZ_CHECK(stream);
  FUZZ_CHECK(m4_config_print(config, stream, false, NULL) == M4_OK);
  fclose(stream);
  return text;
}

static void check_print(const m4_config *config) {
  size_t length = 0, length_again = 0;
  dg_campaign_config settings = {0};
  m4_config *again = NULL;
  m4_error error = {0};
  char *text = print(config, &length);
  FUZZ_CHECK(m4_config_create(&again, dg_campaign_keys, &settings, &error) == M4_OK);
  FUZZ_CHECK(m4_config_load(again, fuzz_write("printed.yaml", text, length), &error) == M4_OK);
  char *text_again = print(again, &length_again);
  FUZZ_CHECK(length == length_again && memcmp(text, text_again, length) == 0);
  free(text_again);
  free(text);
  m4_config_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  dg_campaign_config settings = {0};
  m4_config *config = NULL;
  m4_error error = {0};
  FUZZ_CHECK(m4_config_create(&config, dg_campaign_keys, &settings, &error) == M4_OK);
  if (m4_config_load(config, fuzz_write("config.yaml", bytes, length), &error) == M4_OK) {
    m4_status status = dg_campaign_check(&settings, config, &error);
    FUZZ_CHECK(status == M4_OK || error.what[0]);
    check_print(config);
  } else {
    FUZZ_CHECK(error.what[0] && error.where[0]);
  }
  m4_config_free(config);
  return 0;
}
