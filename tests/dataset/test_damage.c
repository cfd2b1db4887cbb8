/* Broken and hostile shards: always one clear error, never a crash and never other facts than those written.
 */
#include "base/arena.h"
#include "base/philox.h"
#include "tests/dataset/edit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

static const synthetic_options STAR = {.seed = 21, .n_hosts = 6, .n_flows = 40, .mean_gap_ns = 30000};
enum { N_SCENARIOS = 2 };
static const size_t ARENA_BYTES = (size_t)64 << 20;

/* HDF5 1.10 loses an object header whenever its checksum is wrong. Our own allocations are still watched, and
 * our HDF5 handles are counted below. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
  return "leak:libhdf5";
}

static uint64_t hash_period(const m4_period *p) {
  size_t n = (size_t)p->n_flows;
  uint64_t hash = XXH64(p->flow_id, n * 8, n);
  hash = XXH64(p->size_bytes, n * 8, hash);
  hash = XXH64(p->start_ns, n * 8, hash);
  hash = XXH64(p->fct_ns, n * 8, hash);
  hash = XXH64(p->ideal_fct_ns, n * 8, hash);
  hash = XXH64(p->params, n * M4_N_PARAMS * sizeof(float), hash);
  hash = XXH64(p->path_link, (size_t)p->path_offset[n] * 4, hash);
  hash = XXH64(p->queue_bytes, (size_t)p->path_offset[n] * 8, hash);
  return XXH64(p->received_bytes, (size_t)p->received_offset[2 * n] * 8, hash);
}

/* Reads everything there is both ways; *hash covers all periods. */
static m4_status open_and_read(const char *path, m4_arena *arena, uint64_t *hash, m4_error *err) {
  ds_dataset *dataset;
  M4_TRY(ds_open(&dataset, path, err));
  m4_status status = M4_OK;
  *hash = 0;
  for (int64_t p = 0; p < ds_n_periods(dataset) && status == M4_OK; ++p) {
    m4_period facts;
    status = ds_read_period(dataset, p, arena, &facts, NULL, err);
    if (status == M4_OK) *hash = XXH64(&(uint64_t){hash_period(&facts)}, 8, *hash);
    m4_arena_release(arena, 0);
  }
  for (int32_t s = 0; s < ds_n_scenarios(dataset) && status == M4_OK; ++s) {
    ds_scenario facts;
    status = ds_read_scenario(dataset, s, arena, &facts, err);
    m4_arena_release(arena, 0);
  }
  ds_close(dataset);
  return status;
}

static m4_status read_everything(const char *path, m4_arena *arena, uint64_t *hash, m4_error *err) {
  m4_status status = open_and_read(path, arena, hash, err);
  assert_int_equal(H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
  return status;
}

static void assert_told(const char *path, const m4_error *err, m4_status status) {
  if (status != M4_DATA && status != M4_IO) fail_msg("status %d: %s: %s", status, err->where, err->what);
  if (!strstr(err->where, path) || !err->what[0])
    fail_msg("does not name the file: %s: %s", err->where, err->what);
}

typedef struct damage {
  const char *path;
  unsigned char *bytes;
  size_t length;
  uint64_t hash;
  m4_arena arena;
} damage;

static void setup(damage *d, void **state) {
  m4_error err = {0};
  d->path = scratch_path(state, "damage.h5");
  synthetic_shard(d->path, "s", N_SCENARIOS, STAR);
  d->bytes = load_bytes(d->path, &d->length);
  assert_ok(m4_arena_init(&d->arena, ARENA_BYTES, &err), &err);
  assert_ok(read_everything(d->path, &d->arena, &d->hash, &err), &err);
}

static void teardown(damage *d) {
  free(d->bytes);
  m4_arena_free(&d->arena);
}

static void test_truncation(void **state) {
  damage d;
  setup(&d, state);
  m4_rng rng = m4_rng_make(1, M4_RNG_TEST, 0);
  for (int i = 0; i < 200; ++i) {
    size_t length = i < 20   ? (size_t)i * 5
                    : i < 40 ? d.length - 1 - (size_t)(i - 20) * 7
                             : m4_rng_below(&rng, d.length);
    uint64_t hash;
    m4_error err = {0};
    save_bytes(d.path, d.bytes, length);
    assert_told(d.path, &err, read_everything(d.path, &d.arena, &hash, &err));
  }
  teardown(&d);
}

/* Bytes nobody reads (free space, times of nothing) may change: then everything else must be as it was. */
static void test_bit_flips(void **state) {
  damage d;
  setup(&d, state);
  m4_rng rng = m4_rng_make(2, M4_RNG_TEST, 0);
  int noticed = 0, n_flips = 600;
  for (int i = 0; i < n_flips; ++i) {
    size_t at = m4_rng_below(&rng, d.length);
    unsigned char bit = (unsigned char)(1u << m4_rng_below(&rng, 8));
    uint64_t hash;
    m4_error err = {0};
    d.bytes[at] ^= bit;
    save_bytes(d.path, d.bytes, d.length);
    d.bytes[at] ^= bit;
    m4_status status = read_everything(d.path, &d.arena, &hash, &err);
    if (status == M4_OK) {
      assert_true(hash == d.hash);
      continue;
    }
    noticed++;
    assert_told(d.path, &err, status);
  }
  print_message("%d of %d flips hit what is read\n", noticed, n_flips);
  assert_true(noticed > n_flips / 4);
  teardown(&d);
}

static void test_not_a_shard(void **state) {
  damage d;
  setup(&d, state);
  uint64_t hash;
  m4_error err = {0};
  memset(d.bytes, 'x', d.length);
  save_bytes(d.path, d.bytes, d.length);
  assert_told(d.path, &err, read_everything(d.path, &d.arena, &hash, &err));
  H5Fclose(H5Fcreate(d.path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
  assert_told(d.path, &err, read_everything(d.path, &d.arena, &hash, &err));
  teardown(&d);
}

/* ---- valid HDF5 with wrong content ---- */

static hid_t chunked_list(void) {
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 4096;
  H5Pset_chunk(list, 1, &chunk);
  return list;
}

/* A dataset in the place of one of ours, with properties chosen by the caller. */
static void replace_dataset(hid_t file, const char *path, hid_t type, hsize_t size, hid_t list) {
  hsize_t limit = H5S_UNLIMITED;
  assert_true(H5Ldelete(file, path, H5P_DEFAULT) >= 0);
  hid_t space = H5Screate_simple(1, &size, H5Pget_layout(list) == H5D_CHUNKED ? &limit : NULL);
  hid_t dataset = H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
  assert_true(dataset >= 0);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(list);
}

static hid_t our_list(void) {
  hid_t list = chunked_list();
  H5Pset_shuffle(list);
  H5Pset_deflate(list, 4);
  H5Pset_fletcher32(list);
  return list;
}

static void hostile_format(hid_t f) {
  replace_text(f, "/", "format", "other-dataset");
}
static void hostile_version(hid_t f) {
  replace_number(f, "format_version", 2);
}
static void hostile_hash(hid_t f) {
  replace_text(f, "/", "content_hash", "0123456789abcdeX");
}
static void hostile_unit(hid_t f) {
  replace_text(f, "flow/fct_ns", "unit", "us");
}
static void hostile_extra(hid_t f) {
  H5Gclose(H5Gcreate2(f, "surprise", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}
static void hostile_missing(hid_t f) {
  H5Ldelete(f, "flow/src", H5P_DEFAULT);
}
static void hostile_soft(hid_t f) {
  H5Ldelete(f, "flow/src", H5P_DEFAULT);
  H5Lcreate_soft("/flow/dst", f, "flow/src", H5P_DEFAULT, H5P_DEFAULT);
}
static void hostile_external_link(hid_t f) {
  H5Ldelete(f, "flow", H5P_DEFAULT);
  H5Lcreate_external("/etc/passwd", "/flow", f, "flow", H5P_DEFAULT, H5P_DEFAULT);
}
static void hostile_group_as_dataset(hid_t f) {
  H5Ldelete(f, "flow/src", H5P_DEFAULT);
  H5Gclose(H5Gcreate2(f, "flow/src", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}
static void hostile_vlen(hid_t f) {
  hid_t type = H5Tvlen_create(H5T_STD_I64LE);
  replace_dataset(f, "flow/size_bytes", type, 80, chunked_list()); /* HDF5 itself refuses filters here */
  H5Tclose(type);
}
static void hostile_type(hid_t f) {
  replace_dataset(f, "flow/size_bytes", H5T_STD_I32LE, 80, our_list());
}
static void hostile_external_storage(hid_t f) {
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(list, "/etc/passwd", 0, 640);
  replace_dataset(f, "flow/size_bytes", H5T_STD_I64LE, 80, list);
}
static void hostile_filter(hid_t f) {
  hid_t list = chunked_list();
  H5Pset_shuffle(list);
  H5Pset_fletcher32(list);
  replace_dataset(f, "flow/size_bytes", H5T_STD_I64LE, 80, list);
}
static void hostile_user_filter(hid_t f) {
  hid_t list = our_list();
  unsigned value = 1;
  H5Pset_filter(list, 32001, H5Z_FLAG_OPTIONAL, 1, &value);
  replace_dataset(f, "flow/size_bytes", H5T_STD_I64LE, 80, list);
}
static void hostile_huge(hid_t f) {
  replace_dataset(f, "event/received_bytes", H5T_STD_I64LE, (hsize_t)1 << 50, our_list());
}
static void hostile_short(hid_t f) {
  replace_dataset(f, "flow/size_bytes", H5T_STD_I64LE, 79, our_list());
}
static void hostile_table(hid_t f) {
  overwrite_int(f, "scenario/flow_offset", 1, 1000000);
}
static void hostile_negative(hid_t f) {
  overwrite_int(f, "scenario/link_offset", 1, -1);
}
static void hostile_name(hid_t f) {
  overwrite_int(f, "scenario/name_offset", 1, 0);
}
static void hostile_path_offset(hid_t f) {
  overwrite_int(f, "flow/path_offset", 5, INT64_MAX);
}
static void hostile_path_end(hid_t f) {
  overwrite_int(f, "flow/path_offset", 40, -7);
}
static void hostile_received_offset(hid_t f) {
  overwrite_int(f, "event/received_offset", 9, 0);
}
static void hostile_member_offset(hid_t f) {
  overwrite_int(f, "period/flow_offset", 1, 1 << 30);
}
static void hostile_link(hid_t f) {
  overwrite_int(f, "flow/path_link", 3, 1 << 30);
}
static void hostile_node(hid_t f) {
  overwrite_int(f, "link/to", 3, -4);
}
static void hostile_event(hid_t f) {
  overwrite_int(f, "period/event", 0, 1 << 30);
}
static void hostile_member(hid_t f) {
  overwrite_int(f, "period/flow", 0, -1);
}
static void hostile_received(hid_t f) {
  overwrite_int(f, "event/received_bytes", 0, -9);
}
static void hostile_active(hid_t f) {
  overwrite_int(f, "period/max_active", 0, 1 << 30);
}
static void hostile_start(hid_t f) {
  overwrite_int(f, "flow/start_ns", 3, INT64_MAX);
}
static void hostile_nan(hid_t f) {
  overwrite(f, "flow/flowsim_fct_ns", 3, &(double){0.0 / 0.0}, H5T_NATIVE_DOUBLE);
}
static void hostile_unfinished(hid_t f) {
  overwrite_int(f, "scenario/unfinished_flows", 0, 1);
}

typedef struct hostile {
  void (*change)(hid_t file);
  const char *named; /* must be in the message */
} hostile;

static const hostile HOSTILES[] = {{hostile_format, "format"},
                                   {hostile_version, "format_version"},
                                   {hostile_hash, "content_hash"},
                                   {hostile_unit, "flow/fct_ns"},
                                   {hostile_extra, "/"},
                                   {hostile_missing, "flow"},
                                   {hostile_soft, "flow/src"},
                                   {hostile_external_link, "flow"},
                                   {hostile_group_as_dataset, "flow/src"},
                                   {hostile_vlen, "flow/size_bytes"},
                                   {hostile_type, "flow/size_bytes"},
                                   {hostile_external_storage, "flow/size_bytes"},
                                   {hostile_filter, "flow/size_bytes"},
                                   {hostile_user_filter, "flow/size_bytes"},
                                   {hostile_huge, "event/received_bytes"},
                                   {hostile_short, "flow/size_bytes"},
                                   {hostile_table, "scenario/flow_offset"},
                                   {hostile_negative, "scenario/link_offset"},
                                   {hostile_name, "scenario/name"},
                                   {hostile_path_offset, "flow/path_offset"},
                                   {hostile_path_end, "flow/path_offset"},
                                   {hostile_received_offset, "event/received_offset"},
                                   {hostile_member_offset, "period/flow_offset"},
                                   {hostile_link, "flow/path_link"},
                                   {hostile_node, "link/"},
                                   {hostile_event, "period/event"},
                                   {hostile_member, "period/flow"},
                                   {hostile_received, "event/received_bytes"},
                                   {hostile_active, "period/max_active"},
                                   {hostile_start, "flow/start_ns"},
                                   {hostile_nan, "flow/flowsim_fct_ns"},
                                   {hostile_unfinished, "scenario/unfinished_flows"}};

static void test_hostile(void **state) {
  damage d;
  setup(&d, state);
  for (size_t i = 0; i < sizeof HOSTILES / sizeof *HOSTILES; ++i) {
    uint64_t hash;
    m4_error err = {0};
    save_bytes(d.path, d.bytes, d.length);
    hid_t file = H5Fopen(d.path, H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(file >= 0);
    HOSTILES[i].change(file);
    assert_true(H5Fclose(file) >= 0);
    m4_status status = read_everything(d.path, &d.arena, &hash, &err);
    assert_int_equal(status, M4_DATA);
    assert_told(d.path, &err, status);
    if (!strstr(err.where, HOSTILES[i].named) && !strstr(err.what, HOSTILES[i].named))
      fail_msg("%s expected, got %s: %s", HOSTILES[i].named, err.where, err.what);
  }
  teardown(&d);
}

/* ---- a full disk ---- */

/* In a child: files may not grow beyond 200 kB. Returns what the writer said first. */
static m4_status fill_disk(const char *path, m4_error *err) {
  ds_writer *writer;
  m4_arena arena;
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){200000, 200000});
  M4_TRY(m4_arena_init(&arena, ARENA_BYTES, err));
  m4_status status = ds_writer_create(&writer, path, 1, "test", "", err);
  for (int i = 0; i < 50 && status == M4_OK; ++i) {
    char name[16];
    snprintf(name, sizeof name, "s%d", i);
    synthetic_options busy = {.seed = (uint64_t)i, .n_hosts = 8, .n_flows = 500, .mean_gap_ns = 9000};
    ds_scenario scenario = synthetic_scenario(&arena, name, busy);
    status = ds_writer_add(writer, &scenario, err);
    m4_arena_release(&arena, 0);
  }
  m4_arena_free(&arena);
  m4_status commit = ds_writer_commit(writer, status == M4_OK ? err : NULL);
  return status == M4_OK ? commit : status;
}

/* One clear error, the program ends normally, the old shard is still there, no temporary is left. */
static void test_full_disk(void **state) {
  const char *path = scratch_path(state, "full.h5");
  synthetic_shard(path, "s", 1, STAR);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    m4_error err = {0};
    m4_status status = fill_disk(path, &err);
    bool told = status == M4_IO && strstr(err.where, path) && strstr(err.what, "File too large");
    if (!told) fprintf(stderr, "status %d: %s: %s\n", status, err.where, err.what);
    exit(told ? 0 : 1);
  }
  int result;
  assert_int_equal(waitpid(child, &result, 0), child);
  assert_true(WIFEXITED(result));
  assert_int_equal(WEXITSTATUS(result), 0);
  char command[4096];
  snprintf(command, sizeof command, "! ls '%s' | grep -q '^full.*tmp'", (char *)*state);
  assert_int_equal(system(command), 0);
  m4_error err = {0};
  ds_dataset *dataset;
  assert_ok(ds_open(&dataset, path, &err), &err);
  assert_int_equal(ds_n_scenarios(dataset), 1);
  ds_close(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_truncation), cmocka_unit_test(test_bit_flips), cmocka_unit_test(test_not_a_shard),
      cmocka_unit_test(test_hostile),    cmocka_unit_test(test_full_disk),
  };
  return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
