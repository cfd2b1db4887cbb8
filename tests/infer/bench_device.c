/* bench_device: what a simulated event asks of a device: kernels, products, uploads, downloads (the only
 * thing that waits) and bytes, for one scenario and for 64 in a stack. Counted over the CUDA runtime on the
 * host, where time means nothing. Not a test. */
#include "autograd/cuda/device.h"
#include "base/philox.h"
#include "infer/stack.h"
#include "tests/autograd/cuda_on_host.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINKS = 24, MOST_SCENARIOS = 64, WARM_UP = 40, STEPS = 40, ACTIVE = 8 };

/* ---- a device that counts ---- */

typedef struct counts {
  long kernels, products, uploads, downloads, copies;
  double bytes_up, bytes_down;
} counts;

static counts counted;
static ag_device plain;             /* what the counting device does the work with */
static const ag_backend *uncounted; /* likewise */

static void run_each(ag_device *device, ag_each kernel, const void *args) {
  ++counted.kernels;
  plain.run_each(device, kernel, args);
}

static void run_block(ag_device *device, ag_block kernel, const void *args) {
  ++counted.kernels;
  plain.run_block(device, kernel, args);
}

static void multiply(ag_device *device, const ag_product *product) {
  ++counted.products;
  plain.multiply(device, product);
}

static void upload(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  ++counted.uploads;
  counted.bytes_up += (double)bytes;
  uncounted->upload(uncounted, to, from, bytes);
}

static void download(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  ++counted.downloads;
  counted.bytes_down += (double)bytes;
  uncounted->download(uncounted, to, from, bytes);
}

static void copy(const ag_backend *backend, void *to, const void *from, size_t bytes) {
  (void)backend;
  ++counted.copies;
  uncounted->copy(uncounted, to, from, bytes);
}

static void zero(const ag_backend *backend, void *memory, size_t bytes) {
  (void)backend;
  ++counted.copies;
  uncounted->zero(uncounted, memory, bytes);
}

static ag_backend counting_backend(void) {
  uncounted = cuda_on_host();
  ag_device *device = uncounted->context;
  ag_backend backend = *uncounted;
  plain = *device;
  device->run_each = run_each;
  device->run_block = run_block;
  device->multiply = multiply;
  backend.upload = upload;
  backend.download = download;
  backend.copy = copy;
  backend.zero = zero;
  return backend;
}

/* ---- scenarios ---- */

static m4_status live(inf_session *session, int64_t event, m4_rng *rng, m4_error *err) {
  static const float params[M4_N_PARAMS] = {10, 10, 1, 0, 0, 0, 10};
  double now_ns = inf_clock(session) + 700;
  int32_t path[3], first = (int32_t)m4_rng_below(rng, LINKS), n_active = inf_n_active(session);
  bool comes = n_active < ACTIVE || (n_active == ACTIVE && m4_rng_below(rng, 2) == 0);
  if (!comes) return inf_complete(session, now_ns, inf_active_tag(session, 0), err);
  for (int32_t i = 0; i < 3; ++i) path[i] = (first + 5 * i) % LINKS;
  const inf_flow flow = {event, 50000, 45000, path, 3, params};
  return inf_arrive(session, now_ns, &flow, err);
}

static m4_status play(inf_session **sessions, int n, inf_stack *stack, int n_steps, m4_error *err) {
  for (int step = 0; step < n_steps; ++step) {
    for (int i = 0; i < n; ++i) {
      m4_rng rng = m4_rng_make((uint64_t)(step + 1000 * n_steps), M4_RNG_TEST, (uint64_t)i);
      M4_TRY(live(sessions[i], step + 1000 * n_steps, &rng, err));
    }
    M4_TRY(inf_stack_step(stack, err));
  }
  return M4_OK;
}

static void print(int n_scenarios, inf_stack_counters before, inf_stack_counters after) {
  double steps = (double)(after.steps - before.steps), events = (double)(after.updates - before.updates);
  double nodes = (double)(after.flows + after.link_rows - before.flows - before.link_rows) / events;
  printf("%4d scenarios, %4.1f nodes/event: per step %5.1f kernels %4.1f products %4.2f uploads (%6.1f KB) "
         "%4.2f "
         "downloads (%5.2f KB) %4.2f copies; per event %6.2f kernels and products, %5.3f waits\n",
         n_scenarios, nodes, (double)counted.kernels / steps, (double)counted.products / steps,
         (double)counted.uploads / steps, 1e-3 * counted.bytes_up / steps, (double)counted.downloads / steps,
         1e-3 * counted.bytes_down / steps, (double)counted.copies / steps,
         (double)(counted.kernels + counted.products) / events, (double)counted.downloads / events);
}

static m4_status bench(const m4_model *model, int n, m4_error *err) {
  inf_session *sessions[MOST_SCENARIOS];
  inf_stack *stack;
  M4_TRY(inf_stack_create(&stack, model, err));
  for (int i = 0; i < n; ++i) M4_TRY(inf_stack_session(&sessions[i], stack, LINKS, NULL, err));
  M4_TRY(play(sessions, n, stack, WARM_UP, err));
  inf_stack_counters before = inf_stack_count(stack);
  counted = (counts){0};
  M4_TRY(play(sessions, n, stack, STEPS + 1, err));
  print(n, before, inf_stack_count(stack));
  for (int i = 0; i < n; ++i) inf_session_free(sessions[i]);
  inf_stack_free(stack);
  return M4_OK;
}

/* As many layers and as wide states as the published model; the rest is narrow, and weights are zero, which
 * no count depends on. */
int main(void) {
  m4_widths widths = {.hidden = 200, .gcn_hidden = 4, .gcn_layers = 3, .head_hidden = 4};
  ag_backend backend = counting_backend();
  m4_model *model;
  m4_error err = {0};
  m4_status status = m4_model_create(&model, widths, &backend, &err);
  if (status == M4_OK) {
    status = bench(model, 1, &err);
    if (status == M4_OK) status = bench(model, MOST_SCENARIOS, &err);
    m4_model_free(model);
  }
  if (status != M4_OK) fprintf(stderr, "bench_device: error: %s\n", err.what);
  return m4_exit_code(status);
}
