/* Audits: consistent data give no finding; whatever is damaged on purpose is found, named, and does not hide
 * the rest. */
#include "tests/dataset/edit.h"

#include "data/audit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const synthetic_options STAR = {.seed = 21, .n_hosts = 6, .n_flows = 40, .mean_gap_ns = 30000};
enum { N_SCENARIOS = 3, MAX_TOLD = 200 };

/* HDF5 1.10 itself loses a block when a checksum is wrong. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libhdf5";
}

typedef struct told {
  m4_error findings[MAX_TOLD];
  int count;
} told;

static void remember(void *arg, const m4_error *finding) {
  told *to = arg;
  if (to->count < MAX_TOLD) to->findings[to->count] = *finding;
  to->count++;
}

static told *audit(const char *path, ds_audit_report *report) {
  static told to;
  to.count = 0;
  m4_error err = {0};
  ds_findings findings = {remember, &to, NULL, 0};
  assert_ok(ds_audit(path, &findings, NULL, report, &err), &err);
  assert_int_equal(findings.count, to.count);
  assert_int_equal(report->n_findings, to.count);
  for (int i = 0; i < to.count && i < MAX_TOLD; ++i) {
    assert_int_equal(to.findings[i].status, M4_DATA);
    assert_true(to.findings[i].what[0] != '\0');
  }
  assert_int_equal(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  return &to;
}

static bool has(const told *to, const char *where, const char *what) {
  for (int i = 0; i < to->count && i < MAX_TOLD; ++i)
    if (strstr(to->findings[i].where, where) && strstr(to->findings[i].what, what)) return true;
  return false;
}

static void expect(const told *to, const char *where, const char *what) {
  if (has(to, where, what)) return;
  for (int i = 0; i < to->count && i < MAX_TOLD; ++i)
    print_message("%s: %s\n", to->findings[i].where, to->findings[i].what);
  fail_msg("\"%s\" at \"%s\" is not among the %d findings", what, where, to->count);
}

static void consistent_data_give_no_finding(void **state) {
  ds_audit_report report;
  const char *path = scratch_path(state, "good.h5");
  synthetic_shard(path, "s", N_SCENARIOS, STAR);
  told *to = audit(path, &report);
  for (int i = 0; i < to->count; ++i) print_message("%s: %s\n", to->findings[i].where, to->findings[i].what);
  assert_int_equal(to->count, 0);
  assert_int_equal(report.n_shards, 1);
  assert_int_equal(report.n_scenarios, N_SCENARIOS);
  assert_int_equal(report.n_flows, N_SCENARIOS * STAR.n_flows);
  assert_true(report.n_periods > 0);
  assert_false(report.has_campaign);
}

/* One value of the second scenario's arrays (rows count within the first scenario where that is simpler) is
 * changed; the finding must name the array. */
typedef struct change {
  const char *path;
  hsize_t row;
  int64_t value;
  const char *where, *what;
} change;

static const change CHANGES[] = {
    {"scenario/unfinished_flows", 1, 2, "s1: scenario/unfinished_flows", "says 2, but 0"},
    {"node/is_switch", 0, 2, "node/is_switch", "neither 0 nor 1"},
    {"node/is_switch", 0, 1, "flow/src", "is a switch"},
    {"node/is_switch", 6, 0, "flow/path_link", "leads through a host"},
    {"link/from", 0, 99, "link/from", "is not a node"},
    {"link/from", 0, 2, "link/from", "other direction"},
    {"link/to", 0, -1, "link/to", "is not another node"},
    {"link/rate_bps", 3, 0, "link/rate_bps", "must be positive"},
    {"link/rate_bps", 3, 1000, "flow/ideal_fct_ns", "less than the payload takes"},
    {"link/delay_ns", 3, -5, "link/delay_ns", "is not a delay"},
    {"link/delay_ns", 3, 1000000000, "flow/ideal_fct_ns", "less than the payload takes"},
    {"flow/id", 7, 0, "flow/id", "not larger than the id before"},
    {"flow/id", 0, -1, "flow/id", "is negative"},
    {"flow/src", 3, 1000, "flow/src", "is not a node"},
    {"flow/dst", 3, -1, "flow/dst", "is not a node"},
    {"flow/dst", 3, 6, "flow/path_link", "does not end at the destination"},
    {"flow/size_bytes", 3, 0, "flow/size_bytes", "must be positive"},
    {"flow/size_bytes", 3, 1, "event/received_bytes", "more than the flow's size"},
    {"flow/size_bytes", 3, 1 << 30, "flow/ideal_fct_ns", "less than the payload takes"},
    {"flow/start_ns", 3, -1, "flow/start_ns", "is not a time"},
    {"flow/start_ns", 3, INT64_MAX, "flow/start_ns", "is not a time"},
    {"flow/start_ns", 3, 1, "period/", ""},
    {"flow/fct_ns", 3, 5, "flow/fct_ns", "at least the ideal"},
    {"flow/fct_ns", 3, -2, "flow/fct_ns", "neither -1"},
    {"flow/fct_ns", 3, -1, "scenario/unfinished_flows", "but 1 flows"},
    {"flow/fct_ns", 3, -1, "period/flow", "never finished"},
    {"flow/fct_ns", 3, (int64_t)1 << 40, "event/received_offset", "active flows"},
    {"flow/ideal_fct_ns", 3, 0, "flow/ideal_fct_ns", "is not a duration"},
    {"flow/ideal_fct_ns", 3, 10, "flow/ideal_fct_ns", "less than the payload takes"},
    {"flow/flowsim_fct_ns", 3, 0, "flow/flowsim_fct_ns", "neither -1 nor positive"},
    {"flow/path_offset", 3, 4, "flow/path_offset", "without a path"},
    {"flow/path_link", 3, 1 << 30, "flow/path_link", "is not a link"},
    {"flow/path_link", 2, 3, "flow/path_link", "does not start where the path is"},
    {"flow/queue_bytes", 3, -2, "flow/queue_bytes", "neither -1 nor a size"},
    {"event/received_offset", 5, 0, "event/received_offset", "does not divide"},
    {"event/received_bytes", 3, -2, "event/received_bytes", "neither -1 nor a size"},
    {"event/received_bytes", 3, 1 << 30, "event/received_bytes", "more than the flow's size"},
    {"period/start_ns", 0, 77, "period/start_ns", "first arrival"},
    {"period/end_ns", 0, 77, "period/end_ns", "last departure"},
    {"period/flow", 0, -1, "period/flow", "is not a flow"},
    {"period/flow", 1, 0, "period/", ""},
    {"period/event", 0, 1 << 30, "period/event", "is not an event"},
    {"period/event", 0, 1, "period/event", ""},
    {"scenario/name", 0, 'x', "content_hash", "the content gives"},
    {"flow/queue_bytes", 3, 12345, "content_hash", "the content gives"},
    {"flow/flowsim_fct_ns", 3, 77, "content_hash", "the content gives"}};

static hid_t open_to_edit(const char *path) {
  hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  return file;
}

static void every_damaged_value_is_found(void **state) {
  const char *path = scratch_path(state, "damaged.h5");
  size_t length;
  synthetic_shard(path, "s", N_SCENARIOS, STAR);
  unsigned char *good = load_bytes(path, &length);
  for (size_t i = 0; i < sizeof CHANGES / sizeof *CHANGES; ++i) {
    ds_audit_report report;
    save_bytes(path, good, length);
    hid_t file = open_to_edit(path);
    overwrite_int(file, CHANGES[i].path, CHANGES[i].row, CHANGES[i].value);
    H5Fclose(file);
    told *to = audit(path, &report);
    if (!has(to, CHANGES[i].where, CHANGES[i].what))
      print_message("%s[%llu] = %lld\n", CHANGES[i].path, (unsigned long long)CHANGES[i].row,
                    (long long)CHANGES[i].value);
    expect(to, CHANGES[i].where, CHANGES[i].what);
    expect(to, path, "");
  }
  free(good);
}

static void vectors_and_attributes_are_found(void **state) {
  const char *path = scratch_path(state, "vectors.h5");
  size_t length;
  ds_audit_report report;
  static const struct {
    int number;
    double value;
    const char *what;
  } params[] = {{0, NAN, "not finite"}, {0, 0, "number 0 is 0"}, {1, -3, "negative"},
                {3, 0.5, "0 or 1"},     {3, 1, "are chosen"},    {12, INFINITY, "not finite"}};
  synthetic_shard(path, "s", N_SCENARIOS, STAR); /* seed 22, the second: number 4 is 1 */
  unsigned char *good = load_bytes(path, &length);
  for (size_t i = 0; i < sizeof params / sizeof *params; ++i) {
    save_bytes(path, good, length);
    hid_t file = open_to_edit(path);
    overwrite_real(file, "scenario/params", 1, (hsize_t)params[i].number, params[i].value);
    H5Fclose(file);
    expect(audit(path, &report), "s1: scenario/params", params[i].what);
  }
  save_bytes(path, good, length);
  hid_t file = open_to_edit(path);
  overwrite(file, "flow/flowsim_fct_ns", 3, &(double){NAN}, H5T_NATIVE_DOUBLE);
  replace_text(file, "/", "content_hash", "0000000000000000");
  replace_text(file, "flow/fct_ns", "what", "something else");
  H5Fclose(file);
  told *to = audit(path, &report);
  expect(to, "s0: flow/flowsim_fct_ns", "nan");
  expect(to, "content_hash", "is 0000000000000000");
  expect(to, "flow/fct_ns", "other words");
  free(good);
}

/* A value that shrinks is found though it is within the size. */
static void received_bytes_that_shrink_are_found(void **state) {
  const char *path = scratch_path(state, "shrink.h5");
  ds_audit_report report;
  ds_dataset *dataset;
  ds_scenario facts;
  m4_arena arena;
  m4_error err = {0};
  int64_t at = -1;
  synthetic_shard(path, "s", 1, STAR);
  assert_ok(m4_arena_init(&arena, (size_t)1 << 26, &err), &err);
  assert_ok(ds_open(&dataset, path, &err), &err);
  assert_ok(ds_read_scenario(dataset, 0, &arena, &facts, &err), &err);
  for (int64_t e = 2 * facts.n_flows - 2; e >= 0 && at < 0;
       --e) /* the last value of a row: the newest flow */
    if (facts.received_offset[e + 1] > facts.received_offset[e] &&
        facts.received_bytes[facts.received_offset[e]] > 100)
      at = facts.received_offset[e];
  ds_close(dataset);
  m4_arena_free(&arena);
  assert_true(at >= 0);
  for (int64_t value = 1; value >= 0; --value) {
    hid_t file = open_to_edit(path);
    overwrite_int(file, "event/received_bytes", (hsize_t)at, value);
    H5Fclose(file);
  }
  expect(audit(path, &report), "event/received_bytes", "less than at the event before");
}

/* Two flows that share no link in one period, and one component in two periods: the layout is right, the cut
 * is not. */
static void wrongly_cut_periods_are_found(void **state) {
  static const int64_t id[] = {0, 1}, size[] = {1000, 1000}, start[] = {0, 100}, fct[] = {20000, 20000},
                       ideal[] = {10000, 10000}, path_offset[] = {0, 2, 4}, queue[] = {0, 0, 0, 0},
                       rate[] = {1000000000, 1000000000, 1000000000, 1000000000,
                                 1000000000, 1000000000, 1000000000, 1000000000},
                       delay[8] = {0}, received_offset[5] = {0};
  static const uint8_t is_switch[] = {0, 0, 0, 0, 1};
  static const int32_t from[] = {0, 4, 1, 4, 2, 4, 3, 4}, to[] = {4, 0, 4, 1, 4, 2, 4, 3}, src[] = {0, 2};
  static const int32_t apart_dst[] = {1, 3}, apart[] = {0, 3, 4, 7}, together_dst[] = {1, 1},
                       together[] = {0, 3, 4, 3}, flow[] = {0, 1}, two = 2, ones[] = {1, 1};
  static const double flowsim[] = {-1, -1};
  static const int64_t event[] = {0, 1, 2, 3}, one_offset[] = {0, 2}, one_event_offset[] = {0, 4},
                       two_offset[] = {0, 1, 2}, two_event_offset[] = {0, 2, 4}, two_event[] = {0, 2, 1, 3},
                       zero = 0, end = 20100, starts[] = {0, 100}, ends[] = {20000, 20100};
  ds_scenario s = {.name = "cut", .params = {10, 10, 1}, .n_nodes = 5, .n_links = 8, .n_flows = 2};
  s.node_is_switch = is_switch, s.link_from = from, s.link_to = to, s.link_rate_bps = rate;
  s.link_delay_ns = delay, s.flow_id = id, s.size_bytes = size, s.start_ns = start, s.fct_ns = fct;
  s.ideal_fct_ns = ideal, s.src = src, s.flowsim_fct_ns = flowsim, s.path_offset = path_offset;
  s.queue_bytes = queue, s.received_offset = received_offset, s.received_bytes = &zero, s.period_flow = flow;
  for (int joined = 0; joined < 2; ++joined) {
    s.dst = joined ? apart_dst : together_dst;
    s.path_link = joined ? apart : together;
    s.n_periods = joined ? 1 : 2;
    s.period_flow_offset = joined ? one_offset : two_offset;
    s.period_event_offset = joined ? one_event_offset : two_event_offset;
    s.period_event = joined ? event : two_event;
    s.period_start_ns = joined ? &zero : starts;
    s.period_end_ns = joined ? &end : ends;
    s.period_max_active = joined ? &two : ones;
    const char *path = scratch_path(state, "cut.h5");
    ds_writer *writer;
    ds_audit_report report;
    m4_error err = {0};
    assert_ok(ds_writer_create(&writer, path, 1, "test", "", &err), &err);
    assert_ok(ds_writer_add(writer, &s, &err), &err);
    assert_ok(ds_writer_commit(writer, &err), &err);
    told *to_ = audit(path, &report);
    assert_int_equal(to_->count, 1);
    expect(to_, "cut: period/flow_offset", joined ? "1 busy periods, but the flows form 2" : "form 1");
  }
}

/* Nothing hides behind an earlier finding: every scenario and every flow is told. */
static void all_findings_are_told(void **state) {
  const char *path = scratch_path(state, "many.h5");
  ds_audit_report report;
  synthetic_shard(path, "s", N_SCENARIOS, STAR);
  hid_t file = open_to_edit(path);
  for (int s = 0; s < N_SCENARIOS; ++s)
    for (int f = 3; f < 6; ++f) {
      overwrite_int(file, "flow/size_bytes", (hsize_t)(s * STAR.n_flows + f), 0);
      overwrite_int(file, "flow/ideal_fct_ns", (hsize_t)(s * STAR.n_flows + f), -1);
    }
  H5Fclose(file);
  told *to = audit(path, &report);
  assert_true(to->count >= 3 * 3 * 2);
  for (int s = 0; s < N_SCENARIOS; ++s) {
    char where[64];
    for (int f = 3; f < 6; ++f) {
      char what[64];
      snprintf(where, sizeof where, "s%d: flow/size_bytes", s);
      snprintf(what, sizeof what, "value 0 at %d ", f);
      expect(to, where, what);
      snprintf(where, sizeof where, "s%d: flow/ideal_fct_ns", s);
      snprintf(what, sizeof what, "value -1 at %d ", f);
      expect(to, where, what);
    }
  }
}

/* ---- several shards ---- */

static void write_text(void **state, const char *name, const char *text) {
  save_bytes(scratch_path(state, name), (const unsigned char *)text, strlen(text));
}

#define MARK     "# m4-datagen fingerprint 0123456789abcdef\n# comment\n"
#define CAMPAIGN "seed: 21\nscenarios: 5\nscenarios_per_shard: 3\n"

/* A shard as the campaign would have made it. */
static void campaign_shard(void **state, const char *name, const char *prefix, int n_scenarios, uint64_t seed,
                           const char *config) {
  const char *path = scratch_path(state, name);
  synthetic_shard(path, prefix, n_scenarios, STAR);
  hid_t file = open_to_edit(path);
  replace_text(file, "/", "config", config);
  replace_number(file, "seed", seed);
  H5Fclose(file);
}

static void a_campaign_is_compared_with_its_shards(void **state) {
  ds_audit_report report;
  const char *dir = *state;
  write_text(state, "campaign.yaml", MARK CAMPAIGN);
  campaign_shard(state, "shard-00000.h5", "a", 3, 21, CAMPAIGN);
  campaign_shard(state, "shard-00001.h5", "b", 2, 21, CAMPAIGN);
  told *to = audit(dir, &report);
  assert_int_equal(to->count, 0);
  assert_true(report.has_campaign);
  assert_int_equal(report.n_shards, 2);

  campaign_shard(state, "shard-00001.h5", "a", 1, 22, "seed: 22\n");
  to = audit(dir, &report);
  expect(to, "shard-00001.h5", "holds 1 scenarios, the campaign puts 2 there");
  expect(to, "shard-00001.h5: seed", "is 22, campaign.yaml says 21");
  expect(to, "shard-00001.h5: config", "not the configuration in campaign.yaml");
  expect(to, "shard-00001.h5: config", "differs from that of");
  expect(to, "shard-00001.h5: seed", "differs from that of");
  expect(to, "shard-00001.h5: scenario/name", "\"a0\" is also the name");

  unlink(scratch_path(state, "shard-00001.h5"));
  expect(audit(dir, &report), dir,
         "1 shards, the campaign has 2; the first that is missing is shard-00001.h5");
  campaign_shard(state, "shard-00002.h5", "c", 2, 21, CAMPAIGN);
  expect(audit(dir, &report), "shard-00002.h5", "one more shard");
  campaign_shard(state, "other.h5", "d", 2, 21, CAMPAIGN);
  expect(audit(dir, &report), "other.h5", "is not a shard of the campaign");
}

/* Two campaigns side by side, read as one dataset: each is compared with its own folder; names may repeat. */
static void folders_of_datasets_are_audited_one_by_one(void **state) {
  ds_audit_report report;
  for (int i = 0; i < 2; ++i) {
    char name[64], config[128], text[256];
    snprintf(name, sizeof name, "set%d", i);
    assert_int_equal(mkdir(scratch_path(state, name), 0777), 0);
    snprintf(config, sizeof config, "seed: %d\nscenarios: 2\nscenarios_per_shard: 2\n", i);
    snprintf(text, sizeof text, MARK "%s", config);
    snprintf(name, sizeof name, "set%d/campaign.yaml", i);
    write_text(state, name, text);
    snprintf(name, sizeof name, "set%d/shard-00000.h5", i);
    campaign_shard(state, name, "s", 2, (uint64_t)i, config);
  }
  told *to = audit(*state, &report);
  for (int i = 0; i < to->count; ++i) print_message("%s: %s\n", to->findings[i].where, to->findings[i].what);
  assert_int_equal(to->count, 0);
  assert_true(report.has_campaign && report.n_shards == 2 && report.n_scenarios == 4);
  write_text(state, "set1/campaign.yaml", MARK "seed: 9\nscenarios: 3\nscenarios_per_shard: 2\n");
  to = audit(*state, &report);
  expect(to, "set1", "the first that is missing is shard-00001.h5");
  expect(to, "set1/shard-00000.h5: seed", "campaign.yaml says 9");
  assert_false(has(to, "set0", ""));
}

static void a_broken_campaign_file_is_found(void **state) {
  static const char *const texts[][2] = {{CAMPAIGN, "does not begin with a fingerprint"},
                                         {MARK "seed: 21\n", "has no usable \"scenarios\""},
                                         {MARK "scenarios: -4\n", "has no usable \"scenarios\""},
                                         {MARK "scenarios: [1\n", "is not YAML"},
                                         {MARK "- 1\n", "has no usable \"seed\""},
                                         {"", "does not begin with a fingerprint"}};
  ds_audit_report report;
  synthetic_shard(scratch_path(state, "shard-00000.h5"), "s", 1, STAR);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; ++i) {
    write_text(state, "campaign.yaml", texts[i][0]);
    expect(audit(*state, &report), "campaign.yaml", texts[i][1]);
  }
}

/* An unreadable shard is a finding; the others are looked at all the same. */
static void a_broken_shard_does_not_hide_the_others(void **state) {
  ds_audit_report report;
  synthetic_shard(scratch_path(state, "a.h5"), "a", 1, STAR);
  write_text(state, "b.h5", "not a shard");
  synthetic_shard(scratch_path(state, "c.h5"), "c", 1, STAR);
  hid_t file = open_to_edit(scratch_path(state, "c.h5"));
  overwrite_int(file, "flow/size_bytes", 0, 0);
  H5Fclose(file);
  told *to = audit(*state, &report);
  expect(to, "b.h5", "not a complete HDF5 file");
  expect(to, "c.h5: c0: flow/size_bytes", "must be positive");
  assert_int_equal(report.n_shards, 2);
}

/* Bytes of a chunk change: its checksum tells, for every scenario that lies in it. */
static void damaged_chunks_are_found(void **state) {
  ds_audit_report report;
  const char *path = scratch_path(state, "chunk.h5");
  size_t length;
  int n_found = 0;
  synthetic_shard(path, "s", N_SCENARIOS, STAR);
  unsigned char *bytes = load_bytes(path, &length);
  for (size_t at = length / 8; at < length; at += length / 40) {
    bytes[at] ^= 0x10;
    save_bytes(path, bytes, length);
    bytes[at] ^= 0x10;
    n_found += audit(path, &report)->count > 0;
  }
  assert_true(n_found > 8);
  free(bytes);
}

static void what_cannot_be_read_is_an_error(void **state) {
  m4_error err = {0};
  ds_audit_report report;
  told to = {.count = 0};
  ds_findings findings = {remember, &to, NULL, 0};
  assert_int_equal(ds_audit(scratch_path(state, "nowhere"), &findings, NULL, &report, &err), M4_IO);
  assert_int_equal(ds_audit(*state, &findings, NULL, &report, &err), M4_DATA); /* an empty folder */
  assert_int_equal(to.count, 0);
}

int main(void) {
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
  const struct CMUnitTest tests[] = {
      WITH_SCRATCH(consistent_data_give_no_finding),
      WITH_SCRATCH(every_damaged_value_is_found),
      WITH_SCRATCH(vectors_and_attributes_are_found),
      WITH_SCRATCH(received_bytes_that_shrink_are_found),
      WITH_SCRATCH(wrongly_cut_periods_are_found),
      WITH_SCRATCH(all_findings_are_told),
      WITH_SCRATCH(a_campaign_is_compared_with_its_shards),
      WITH_SCRATCH(folders_of_datasets_are_audited_one_by_one),
      WITH_SCRATCH(a_broken_campaign_file_is_found),
      WITH_SCRATCH(a_broken_shard_does_not_hide_the_others),
      WITH_SCRATCH(damaged_chunks_are_found),
      WITH_SCRATCH(what_cannot_be_read_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
