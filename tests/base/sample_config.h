/* A small program configuration for the tests. */
#ifndef M4_TESTS_BASE_SAMPLE_CONFIG_H
#define M4_TESTS_BASE_SAMPLE_CONFIG_H

#include "base/config.h"

#include <math.h>

typedef struct sample_config {
  int64_t batch_size, threshold, layers;
  double rate, free_number;
  bool enabled;
  char *method, *topology, *note;
  m4_int_list gpus;
  m4_real_list loads;
  m4_text_list names, methods;
} sample_config;

static const char *const sample_methods[] = {"uniform", "weighted", "balanced", NULL};

#define AT(field) offsetof(sample_config, field)
static const m4_key sample_keys[] = {
    {"dataset.threadhold_sampled", M4_KEY_INT, AT(threshold), "150", 1, 1e6, NULL, "flows"},
    {"dataset.sampling_method", M4_KEY_TEXT, AT(method), "balanced", 0, 0, sample_methods,
     "how busy periods are drawn"},
    {"dataset.topo_type", M4_KEY_TEXT, AT(topology), "_topology_flows", 0, 0, NULL, NULL},
    {"dataset.n_flows_list", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, NULL},
    {"training.batch_size", M4_KEY_INT, AT(batch_size), "2", 1, 4096, NULL, "busy periods per step"},
    {"training.learning_rate", M4_KEY_REAL, AT(rate), "1e-4", 0, 1, NULL, NULL},
    {"training.enable_val", M4_KEY_BOOL, AT(enabled), "True", 0, 0, NULL, NULL},
    {"training.gpu", M4_KEY_INT_LIST, AT(gpus), "[0]", 0, 15, NULL, NULL},
    {"training.old_switch", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, NULL},
    {"workload.cluster.loads", M4_KEY_REAL_LIST, AT(loads), "[0.25, 0.5]", 0, 1, NULL, NULL},
    {"workload.cluster.names", M4_KEY_TEXT_LIST, AT(names), NULL, 0, 0, NULL, NULL},
    {"workload.methods", M4_KEY_TEXT_LIST, AT(methods), "[uniform]", 0, 0, sample_methods, NULL},
    {"dataset.layers", M4_KEY_INT, AT(layers), NULL, 0, INFINITY, NULL, NULL},
    {"note", M4_KEY_TEXT, AT(note), NULL, 0, 0, NULL, NULL},
    {"free_number", M4_KEY_REAL, AT(free_number), NULL, 0, 0, NULL, NULL},
    {NULL, M4_KEY_BOOL, 0, NULL, 0, 0, NULL, NULL}};
#undef AT

#endif
