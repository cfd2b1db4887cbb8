/* A network back end in the shape that ASTRA-sim and SimAI expect (sim_send, sim_recv, sim_schedule,
 * sim_get_time), on top of libm4sim; below it an all-reduce over a ring of hosts that is written against
 * nothing else. Build with cc astra.c $(pkg-config --cflags --libs m4sim); run with astra TOPOLOGY CONFIG
 * BACKEND [CHECKPOINT]. */
#include <m4_sim.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- the adapter ---- */

typedef void (*sim_handler)(void *arg);

/* A message that has arrived before anybody asked, or a request before the message: one of both lists is
 * empty for any (source, destination, tag). */
typedef struct envelope {
  int src, dst, tag;
  int64_t bytes;
  sim_handler handler; /* of a request; NULL: a message that has arrived */
  void *arg;
  struct envelope *next;
} envelope;

typedef struct network {
  m4_sim sim;
  envelope *waiting;
  int status; /* of the first call that failed */
} network;

/* What a flow's completion has to know. */
typedef struct message {
  network *net;
  int src, dst, tag;
  int64_t bytes;
  sim_handler sent; /* may be NULL */
  void *arg;
} message;

static void note(network *net, int status) {
  if (net->status == M4_SIM_OK) net->status = status;
}

static double sim_get_time(const network *net) {
  return m4_sim_now(&net->sim);
}

static void sim_schedule(network *net, double delay_ns, sim_handler handler, void *arg) {
  note(net, m4_sim_schedule(&net->sim, delay_ns, handler, arg, NULL));
}

/* Takes what waits for (src, dst, tag) out of the list, oldest first; NULL when nothing does. */
static envelope *take(network *net, int src, int dst, int tag, int is_request) {
  for (envelope **place = &net->waiting; *place; place = &(*place)->next) {
    envelope *found = *place;
    if (found->src != src || found->dst != dst || found->tag != tag || (found->handler != NULL) != is_request)
      continue;
    *place = found->next;
    return found;
  }
  return NULL;
}

static void wait(network *net, envelope content) {
  envelope **place = &net->waiting, *added = malloc(sizeof *added);
  if (!added) {
    note(net, M4_SIM_IO_OR_MEMORY);
    return;
  }
  while (*place) place = &(*place)->next;
  *added = content;
  added->next = NULL;
  *place = added;
}

/* The sender hears of it first, then the receiver, if it has asked. */
static void arrived(void *arg, int64_t flow, double fct_ns) {
  message done = *(message *)arg;
  (void)flow, (void)fct_ns;
  free(arg);
  if (done.sent) done.sent(done.arg);
  envelope *request = take(done.net, done.src, done.dst, done.tag, 1);
  if (request) {
    sim_handler handler = request->handler;
    void *handler_arg = request->arg;
    free(request);
    handler(handler_arg);
  } else {
    wait(done.net, (envelope){.src = done.src, .dst = done.dst, .tag = done.tag, .bytes = done.bytes});
  }
}

static void sim_send(network *net, int src, int dst, int64_t bytes, int tag, sim_handler sent, void *arg) {
  message *content = malloc(sizeof *content);
  if (!content) {
    note(net, M4_SIM_IO_OR_MEMORY);
    return;
  }
  *content = (message){net, src, dst, tag, bytes, sent, arg};
  int status = m4_sim_add_flow(&net->sim, src, dst, bytes, arrived, content, NULL);
  if (status != M4_SIM_OK) free(content);
  note(net, status);
}

/* Calls the handler at once when the message is there already. */
static void sim_recv(network *net, int src, int dst, int64_t bytes, int tag, sim_handler handler, void *arg) {
  envelope *early = take(net, src, dst, tag, 0);
  if (early) {
    free(early);
    handler(arg);
  } else {
    wait(net, (envelope){src, dst, tag, bytes, handler, arg, NULL});
  }
}

/* ---- an all-reduce: 2 (n - 1) steps, in each of which every rank passes one n-th to its neighbour ---- */

enum { RANKS = 8, STEPS = 2 * (RANKS - 1) };
static const int64_t BUFFER_BYTES = 1000000;
static const double COMPUTE_NS = 1000; /* adding up a part */

typedef struct rank {
  network *net;
  int number, step;
} rank;

static void received(void *arg);

static void pass_on(void *arg) {
  rank *self = arg;
  int to = (self->number + 1) % RANKS, from = (self->number + RANKS - 1) % RANKS;
  sim_send(self->net, self->number, to, BUFFER_BYTES / RANKS, self->step, NULL, NULL);
  sim_recv(self->net, from, self->number, BUFFER_BYTES / RANKS, self->step, received, self);
}

static void received(void *arg) {
  rank *self = arg;
  if (++self->step < STEPS) sim_schedule(self->net, COMPUTE_NS, pass_on, self);
}

static int all_reduce(network *net) {
  rank ranks[RANKS];
  for (int i = 0; i < RANKS; i++) ranks[i] = (rank){net, i, 0};
  for (int i = 0; i < RANKS; i++) pass_on(&ranks[i]);
  note(net, m4_sim_run_until(&net->sim, INFINITY));
  int done = 0;
  for (int i = 0; i < RANKS; i++) done += ranks[i].step == STEPS;
  printf("%d of %d ranks are done after %.0f ns\n", done, RANKS, sim_get_time(net));
  return net->status;
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: astra TOPOLOGY CONFIG packet|flowsim|m4 [CHECKPOINT]\n");
    return 2;
  }
  const m4_sim_options options = {.topology_path = argv[1],
                                  .config_path = argv[2],
                                  .backend = argv[3],
                                  .checkpoint_path = argc > 4 ? argv[4] : NULL};
  char error[512];
  network net = {0};
  int status = m4_sim_create(&net.sim, &options, error, sizeof error);
  if (status != M4_SIM_OK) {
    fprintf(stderr, "astra: %s\n", error);
    return status;
  }
  status = all_reduce(&net);
  if (status != M4_SIM_OK) fprintf(stderr, "astra: %s\n", m4_sim_error(&net.sim));
  m4_sim_free(&net.sim);
  return status;
}
