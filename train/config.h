/* Training configuration: the reference's YAML keys and ours, as one struct. Knows base/config, nn and data
 * types. Source: reference-config.md, training.md 6-12, contracts "Configuration keys". */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include "autograd/device.h"
#include "base/config.h"
#include "base/log.h"
#include "data/sampler.h"
#include "nn/m4_pass.h"

typedef struct tr_config {
  struct {
    char *path;    /* shard or folder */
    int64_t shard; /* seed of everything */
    int64_t link_rate_gbps;
    double train_frac;
    char *topo_type, *sampling_method, *split_by;
    int64_t n_samples, active_limit, flow_size_threshold, n_links_max, max_events;
    m4_int_list bins;
    bool enable_flowsim_gt, enable_remainsize, enable_queuelen;
  } dataset;
  struct {
    char *model_name, *loss_fn_type, *size_feature, *inputs;
    int64_t n_layer, input_size, gcn_n_layer, hidden_size, gcn_hidden_size;
    double dropout;
    bool fluid, positional_encoding, enable_gnn, enable_lstm, enable_link_state;
  } model;
  struct {
    m4_int_list gpu, devices;
    char *device;
    int64_t n_epochs, batch_size, num_workers, max_steps, accumulate_batches, overfit_batches;
    double clip_norm, clip_value; /* 0: no clipping */
    double learning_rate;
    bool enable_val, enable_dist;
    char *loss, *loss_fct;
    double tail_weight, weight_every, own_departures;
    double weight_size, weight_queue; /* negative: the loss's own default */
    int64_t link_slots;
    char *lr_schedule;
    double lr_factor, lr_threshold, lr_min;
    int64_t lr_patience, lr_warmup_steps, lr_step_epochs;
    char *monitor;
    int64_t early_stop_patience;
    double early_stop_min_delta;
    int64_t log_every_n_steps, checkpoint_every_n_steps, keep_epochs, save_top_k, sanity_val_samples;
    int64_t histograms_every_n_epochs, images_every_n_epochs;
    int64_t segment_budget_mib;
    char *dir_output, *note, *init_from, *precision, *gemm;
    int64_t max_skipped_samples;
    bool check_finite, save_states;
  } training;
  struct {
    int64_t max_samples;
    char *device;
  } test;
} tr_config;

/* Table for m4_config_create; ends with a NULL path. */
extern const m4_key tr_keys[];

/* Checks between keys; M4_USAGE at the place where a key was set. */
m4_status tr_config_check(const tr_config *values, const m4_config *config, m4_error *err);

ag_dtype tr_dtype(const tr_config *values);
/* Opens the device of that name (training.device, test.device); float64 is the CPU's. One line on the log
 * says which one it is and, when it is not what was asked for, why. M4_IO, M4_USAGE as ag_device_open_with.
 */
m4_status tr_open_backend(const ag_backend **backend, const char *device, ag_dtype dtype, ag_gemm gemm,
                          m4_log *log, m4_error *err);
m4_widths tr_widths(const tr_config *values);
m4_size_feature tr_size_feature(const tr_config *values);
m4_input_form tr_input_form(const tr_config *values);
m4_loss_options tr_loss_options(const tr_config *values, bool training); /* dropout 0 unless training */
ds_sampling_options tr_sampling(const tr_config *values);

#endif
