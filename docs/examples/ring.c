/* A ring of transfers: each host sends to the next one when it has received, a delay later. Build with
 * cc ring.c $(pkg-config --cflags --libs m4sim); run with
 * ring TOPOLOGY CONFIG BACKEND [CHECKPOINT]. */
#include <m4_sim.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { HOSTS = 8, TURNS = 2 };
static const int64_t SIZE_BYTES = 100000;
static const double DELAY_NS = 500;

typedef struct ring {
  m4_sim sim;
  int sent;
  int status; /* of the first call that failed */
} ring;

static void received(void *arg, int64_t flow, double fct_ns);

static void send_next(void *arg) {
  ring *self = arg;
  int32_t src = self->sent % HOSTS, dst = (self->sent + 1) % HOSTS;
  self->sent++;
  self->status = m4_sim_add_flow(&self->sim, src, dst, SIZE_BYTES, received, self, NULL);
}

static void received(void *arg, int64_t flow, double fct_ns) {
  ring *self = arg;
  printf("flow %" PRId64 " took %.0f ns\n", flow, fct_ns);
  if (self->sent < HOSTS * TURNS) self->status = m4_sim_schedule(&self->sim, DELAY_NS, send_next, self, NULL);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: ring TOPOLOGY CONFIG packet|flowsim|m4 [CHECKPOINT]\n");
    return 2;
  }
  const m4_sim_options options = {.topology_path = argv[1],
                                  .config_path = argv[2],
                                  .backend = argv[3],
                                  .checkpoint_path = argc > 4 ? argv[4] : NULL};
  char error[512];
  ring self = {0};
  int status = m4_sim_create(&self.sim, &options, error, sizeof error);
  if (status != M4_SIM_OK) {
    fprintf(stderr, "ring: %s\n", error);
    return status;
  }
  send_next(&self);
  status = m4_sim_run_until(&self.sim, INFINITY);
  if (status == M4_SIM_OK) status = self.status;
  if (status != M4_SIM_OK)
    fprintf(stderr, "ring: %s\n", m4_sim_error(&self.sim));
  else
    printf("%d transfers in %.0f ns\n", self.sent, m4_sim_now(&self.sim));
  m4_sim_free(&self.sim);
  return status;
}
