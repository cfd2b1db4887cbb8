/* Training configuration: key table and what follows from it. Knows base/config, nn and data types. */
#include "train/config.h"

#include "autograd/memory.h"

#include "train/state.h"

#include <string.h>

#define AT(field) offsetof(tr_config, field)

static const char *const sampling_choices[] = {"uniform", "weighted", "balanced", NULL};
static const char *const split_choices[] = {"period", "scenario", NULL};
static const char *const size_choices[] = {"kilobytes", "bytes", NULL};
static const char *const input_choices[] = {"raw", "scaled", NULL};
static const char *const loss_choices[] = {"reference", "averaged", NULL};
static const char *const fct_choices[] = {"relative", "log", NULL};
static const char *const loss_fn_choices[] = {"l1", NULL};
static const char *const schedule_choices[] = {"plateau", "cosine", "step", "constant", NULL};
static const char *const monitor_choices[] = {"val_loss", "val_error", "train_loss", NULL};
static const char *const precision_choices[] = {"float32", "float64", NULL};
static const char *const model_choices[] = {"lstm", NULL};

const m4_key tr_keys[] = {
    {"dataset.path", M4_KEY_TEXT, AT(dataset.path), NULL, 0, 0, NULL,
     "dataset: one .h5 shard or a folder of them"},
    {"dataset.shard", M4_KEY_INT, AT(dataset.shard), "0", 0, 4294967295.0, NULL, "seed of everything"},
    {"dataset.lr", M4_KEY_INT, AT(dataset.link_rate_gbps), "10", 1, 1000, NULL,
     "link rate of the reference's ideal FCT, Gbps; accepted, no effect: the dataset has the ideal FCT"},
    {"dataset.train_frac", M4_KEY_REAL, AT(dataset.train_frac), "0.9", 0.0, 1.0, NULL,
     "share of the drawn samples that trains"},
    {"dataset.topo_type", M4_KEY_TEXT, AT(dataset.topo_type), "_topology_flows", 0, 0, NULL,
     "label written to data_list.json"},
    {"dataset.sampling_method", M4_KEY_TEXT, AT(dataset.sampling_method), "balanced", 0, 0, sampling_choices,
     "how busy periods are drawn"},
    {"dataset.split_by", M4_KEY_TEXT, AT(dataset.split_by), "period", 0, 0, split_choices,
     "what is divided into train and val: busy periods (reference) or whole scenarios"},
    {"dataset.n_samples_sampled", M4_KEY_INT, AT(dataset.n_samples), "4000", 1, 1e9, NULL,
     "busy periods drawn"},
    {"dataset.threadhold_sampled", M4_KEY_INT, AT(dataset.active_limit), "150", 1, 1e9, NULL,
     "periods with this many active flows or more are left out"},
    {"dataset.bins", M4_KEY_INT_LIST, AT(dataset.bins), NULL, 1, 1e9, NULL,
     "edges of the balanced bins, flows; empty = 1..10,15,20,50,100,500"},
    {"dataset.max_events", M4_KEY_INT, AT(dataset.max_events), "0", 0, 1e9, NULL,
     "trains on the first so many events of a busy period; 0 = on all"},
    {"dataset.flow_size_threshold", M4_KEY_INT, AT(dataset.flow_size_threshold), "100000000", 1, 1e18, NULL,
     "bytes; only the published value, which means infinity, is supported"},
    {"dataset.n_links_max", M4_KEY_INT, AT(dataset.n_links_max), "96", 1, 1e9, NULL,
     "accepted, no effect: link tables follow the scenario"},
    {"dataset.enable_flowsim_gt", M4_KEY_BOOL, AT(dataset.enable_flowsim_gt), "false", 0, 0, NULL,
     "train against flowSim; not supported"},
    {"dataset.enable_remainsize", M4_KEY_BOOL, AT(dataset.enable_remainsize), "true", 0, 0, NULL,
     "remaining-size supervision"},
    {"dataset.enable_queuelen", M4_KEY_BOOL, AT(dataset.enable_queuelen), "true", 0, 0, NULL,
     "queue-length supervision"},

    {"model.model_name", M4_KEY_TEXT, AT(model.model_name), "lstm", 0, 0, model_choices,
     "the reference's name of the model"},
    {"model.n_layer", M4_KEY_INT, AT(model.n_layer), "2", 0, 1000, NULL, "accepted, no effect"},
    {"model.input_size", M4_KEY_INT, AT(model.input_size), "2", 0, 1000, NULL, "accepted, no effect"},
    {"model.gcn_n_layer", M4_KEY_INT, AT(model.gcn_n_layer), "3", 1, 16, NULL, "number of graph layers"},
    {"model.loss_fn_type", M4_KEY_TEXT, AT(model.loss_fn_type), "l1", 0, 0, loss_fn_choices,
     "form of the loss"},
    {"model.hidden_size", M4_KEY_INT, AT(model.hidden_size), "200", 4, 4096, NULL,
     "width of flow and link states"},
    {"model.gcn_hidden_size", M4_KEY_INT, AT(model.gcn_hidden_size), "300", 1, 4096, NULL,
     "inner width of the graph layers"},
    {"model.dropout", M4_KEY_REAL, AT(model.dropout), "0.2", 0.0, 0.95, NULL,
     "dropout inside the heads while training"},
    {"model.size_feature", M4_KEY_TEXT, AT(model.size_feature), "kilobytes", 0, 0, size_choices,
     "unit inside the size feature"},
    {"model.inputs", M4_KEY_TEXT, AT(model.inputs), "raw", 0, 0, input_choices,
     "features as published (raw), or divided by their usual magnitudes with a logarithmic time step "
     "(scaled)"},
    {"model.fluid", M4_KEY_BOOL, AT(model.fluid), "false", 0, 0, NULL,
     "four more inputs from max-min fair rates; the model then predicts how far the truth is from the fluid"},
    {"model.enable_positional_encoding", M4_KEY_BOOL, AT(model.positional_encoding), "false", 0, 0, NULL,
     "accepted, no effect"},
    {"model.enable_gnn", M4_KEY_BOOL, AT(model.enable_gnn), "true", 0, 0, NULL,
     "graph layers; false: a flow or link sees only itself (ablation \"no GNN\")"},
    {"model.enable_lstm", M4_KEY_BOOL, AT(model.enable_lstm), "true", 0, 0, NULL,
     "GRUs; false: the graph layers' result is the next state (ablation \"no GRU\")"},
    {"model.enable_link_state", M4_KEY_BOOL, AT(model.enable_link_state), "true", 0, 0, NULL,
     "link GRUs; false: links stay in their first state"},

    {"training.gpu", M4_KEY_INT_LIST, AT(training.gpu), "[0]", 0, 1024, NULL,
     "GPUs of the reference; accepted, no effect: training.device chooses"},
    {"training.device", M4_KEY_TEXT, AT(training.device), "auto", 0, 0, NULL,
     "where to train: cpu, cuda, cuda:N, or auto: CUDA where it works, else the CPU; --device sets it"},
    {"training.devices", M4_KEY_INT_LIST, AT(training.devices), NULL, 0, 63, NULL,
     "numbers of GPUs that share every batch, as [0, 1]; instead of training.device; their number changes no "
     "bit; empty = one device"},
    {"training.n_epochs", M4_KEY_INT, AT(training.n_epochs), "15", 1, 1e6, NULL,
     "passes over the training samples"},
    {"training.max_steps", M4_KEY_INT, AT(training.max_steps), "0", 0, 1e12, NULL,
     "stop after this many steps; 0 = no limit"},
    {"training.batch_size", M4_KEY_INT, AT(training.batch_size), "2", 1, 4096, NULL,
     "samples of a batch; under mpirun: on every rank"},
    {"training.accumulate_batches", M4_KEY_INT, AT(training.accumulate_batches), "1", 1, 1e6, NULL,
     "batches per step: 2 batches of 1 train exactly like 1 batch of 2"},
    {"training.overfit_batches", M4_KEY_INT, AT(training.overfit_batches), "0", 0, 1e9, NULL,
     "train and validate on this many batches only, to see whether the loss can go down at all; 0 = off"},
    {"training.clip_norm", M4_KEY_REAL, AT(training.clip_norm), "0", 0, 1e9, NULL,
     "scale gradients down to this L2 norm over all weights; 0 = off (published)"},
    {"training.clip_value", M4_KEY_REAL, AT(training.clip_value), "0", 0, 1e9, NULL,
     "limit every element of the gradient to this magnitude, before clip_norm; 0 = off"},
    {"training.learning_rate", M4_KEY_REAL, AT(training.learning_rate), "0.0001", 1e-9, 1.0, NULL,
     "Adam's step size at the start"},
    {"training.num_workers", M4_KEY_INT, AT(training.num_workers), "2", 1, 256, NULL,
     "threads that read and prepare samples"},
    {"training.enable_val", M4_KEY_BOOL, AT(training.enable_val), "true", 0, 0, NULL,
     "validate after each epoch"},
    {"training.enable_dist", M4_KEY_BOOL, AT(training.enable_dist), "false", 0, 0, NULL,
     "several GPUs; not supported yet"},
    {"training.loss", M4_KEY_TEXT, AT(training.loss), "reference", 0, 0, loss_choices,
     "auxiliary losses as sums (reference) or per-event means (averaged)"},
    {"training.loss_fct", M4_KEY_TEXT, AT(training.loss_fct), "relative", 0, 0, fct_choices,
     "error of a flow's slowdown: |pred - true| / true (published), or |log pred - log true|"},
    {"training.weight_every", M4_KEY_REAL, AT(training.weight_every), "0", 0, 100, NULL,
     "weight of the slowdowns predicted after every event, which simulations act on; 0 = only the last "
     "counts"},
    {"training.own_departures", M4_KEY_REAL, AT(training.own_departures), "0", 0, 1, NULL,
     "share of the samples in which flows leave when the model says so, as in a simulation, instead of when "
     "they did; above 0 the other samples teach sizes and queues only, and validation is as in a simulation"},
    {"training.tail_weight", M4_KEY_REAL, AT(training.tail_weight), "0", 0, 4, NULL,
     "flows weigh as (true slowdown) to this power, mean 1 in a period: more than 0 trains the tail harder"},
    {"training.weight_size", M4_KEY_REAL, AT(training.weight_size), "-1", -1, 1e6, NULL,
     "weight of the size loss; -1 = 0.005 (reference) or 0.1 (averaged)"},
    {"training.weight_queue", M4_KEY_REAL, AT(training.weight_queue), "-1", -1, 1e6, NULL,
     "weight of the queue loss; likewise"},
    {"training.link_slots", M4_KEY_INT, AT(training.link_slots), "96", 1, 1e9, NULL,
     "divisor of the queue loss"},
    {"training.lr_schedule", M4_KEY_TEXT, AT(training.lr_schedule), "plateau", 0, 0, schedule_choices,
     "learning rate: lowered when the monitored value stops falling, half a cosine down to lr_min, lowered "
     "every "
     "lr_step_epochs, or constant"},
    {"training.lr_factor", M4_KEY_REAL, AT(training.lr_factor), "0.2", 1e-6, 1.0, NULL,
     "plateau and step: factor"},
    {"training.lr_patience", M4_KEY_INT, AT(training.lr_patience), "5", 0, 1e6, NULL,
     "plateau: epochs without improvement"},
    {"training.lr_threshold", M4_KEY_REAL, AT(training.lr_threshold), "0.0001", 0.0, 1.0, NULL,
     "plateau: relative improvement that counts"},
    {"training.lr_min", M4_KEY_REAL, AT(training.lr_min), "0.000001", 0.0, 1.0, NULL,
     "plateau, cosine and step: smallest learning rate"},
    {"training.lr_warmup_steps", M4_KEY_INT, AT(training.lr_warmup_steps), "0", 0, 1e9, NULL,
     "steps over which the learning rate rises from 0"},
    {"training.lr_step_epochs", M4_KEY_INT, AT(training.lr_step_epochs), "5", 1, 1e6, NULL,
     "step: epochs between reductions"},
    {"training.monitor", M4_KEY_TEXT, AT(training.monitor), "val_loss", 0, 0, monitor_choices,
     "what decides about best checkpoints, the plateau schedule and early stopping; train_loss is taken "
     "where "
     "there is no validation"},
    {"training.early_stop_patience", M4_KEY_INT, AT(training.early_stop_patience), "0", 0, 1e6, NULL,
     "stop after this many epochs without improvement; 0 = never"},
    {"training.early_stop_min_delta", M4_KEY_REAL, AT(training.early_stop_min_delta), "0", 0, 1e6, NULL,
     "smaller improvements do not count"},
    {"training.log_every_n_steps", M4_KEY_INT, AT(training.log_every_n_steps), "10", 1, 1e9, NULL,
     "steps between log records"},
    {"training.histograms_every_n_epochs", M4_KEY_INT, AT(training.histograms_every_n_epochs), "1", 0, 1e6,
     NULL, "TensorBoard histograms of weights, gradients and validation errors; 0 = none"},
    {"training.images_every_n_epochs", M4_KEY_INT, AT(training.images_every_n_epochs), "1", 0, 1e6, NULL,
     "TensorBoard pictures of size and queue curves of an example; 0 = none"},
    {"training.checkpoint_every_n_steps", M4_KEY_INT, AT(training.checkpoint_every_n_steps), "0", 0, 1e12,
     NULL, "also save `last` this often; 0 = at the end of epochs only"},
    {"training.keep_epochs", M4_KEY_INT, AT(training.keep_epochs), "0", 0, 1e6, NULL,
     "newest epoch checkpoints kept; 0 = all, or with save_top_k none but the best"},
    {"training.save_top_k", M4_KEY_INT, AT(training.save_top_k), "0", 0, TR_MAX_BEST, NULL,
     "best epoch checkpoints kept, by the monitored value"},
    {"training.save_states", M4_KEY_BOOL, AT(training.save_states), "true", 0, 0, NULL,
     "write NAME.state.safetensors beside every epoch's checkpoint, so that training can resume from any of "
     "them; `last` always has one"},
    {"training.sanity_val_samples", M4_KEY_INT, AT(training.sanity_val_samples), "4", 0, 1e6, NULL,
     "validation samples tried before training starts"},
    {"training.segment_budget_mib", M4_KEY_INT, AT(training.segment_budget_mib), "256", 0, 1e6, NULL,
     "tape memory of one sample, MiB; longer periods are recomputed in segments; 0 = never recompute"},
    {"training.precision", M4_KEY_TEXT, AT(training.precision), "float32", 0, 0, precision_choices,
     "of all arithmetic; float64 is for comparisons: slow, and such a run cannot be resumed"},
    {"training.gemm", M4_KEY_TEXT, AT(training.gemm), "float32", 0, 0, ag_gemm_names,
     "matrix products: bf16 rounds their factors to bfloat16, tf32 to TF32 (weights and sums stay float32); "
     "float32 is used where the device cannot: CPUs have no TF32, and bf16 needs AVX512-BF16"},
    {"training.check_finite", M4_KEY_BOOL, AT(training.check_finite), "true", 0, 0, NULL,
     "look for NaN in every sample's gradient (losses are always checked)"},
    {"training.max_skipped_samples", M4_KEY_INT, AT(training.max_skipped_samples), "0", 0, 1e9, NULL,
     "samples whose loss or gradient is not finite that are left out and counted before training stops; 0 = "
     "stops at "
     "the first"},
    {"training.dir_output", M4_KEY_TEXT, AT(training.dir_output), "runs", 0, 0, NULL, "folder of all runs"},
    {"training.note", M4_KEY_TEXT, AT(training.note), "m4", 0, 0, NULL,
     "name of this series of runs: dir_output/note/version_N"},
    {"training.init_from", M4_KEY_TEXT, AT(training.init_from), NULL, 0, 0, NULL,
     "safetensors file to start from instead of random weights"},

    {"test.max_samples", M4_KEY_INT, AT(test.max_samples), "0", 0, 1e12, NULL,
     "busy periods tested, drawn at random; 0 = all"},
    {"test.device", M4_KEY_TEXT, AT(test.device), "auto", 0, 0, NULL,
     "where to test: cpu, cuda, cuda:N or auto; --device sets it"},

    {"dataset.n_flows_list", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.n_hosts_list", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.shard_list", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.sample_list", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.bucket_thold", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.enable_context", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.enable_segmentation", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.enable_topo", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.output_type", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.enable_path", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.enable_flowsim_diff", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"dataset.current_period_len_idx", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.enable_context", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.enable_topo", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.enable_path", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.output_type", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.enable_flowsim_diff", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.enable_lstm_in_gnn", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {"model.loss_average", M4_KEY_UNUSED, 0, NULL, 0, 0, NULL, ""},
    {NULL, M4_KEY_BOOL, 0, NULL, 0, 0, NULL, NULL}};

m4_status tr_config_check(const tr_config *values, const m4_config *config, m4_error *err) {
  if (!values->model.enable_gnn && !values->model.enable_lstm)
    return m4_config_complain(config, "model.enable_lstm", err,
                              "false needs model.enable_gnn true: nothing would be left of the model");
  if (ag_gemm_named(values->training.gemm) != AG_GEMM_F32 && tr_dtype(values) == AG_F64)
    return m4_config_complain(config, "training.gemm", err,
                              "%s and training.precision float64 exclude each other", values->training.gemm);
  if (strncmp(values->training.device, "cuda", 4) == 0 && tr_dtype(values) == AG_F64)
    return m4_config_complain(config, "training.device", err,
                              "%s computes in float32 only; training.precision float64 needs cpu",
                              values->training.device);
  if (values->training.devices.count > 0 && strcmp(values->training.device, "auto") != 0)
    return m4_config_complain(
        config, "training.devices", err,
        "names GPUs, but training.device (--device) is %s: only one of them can choose; "
        "training.devices=[] names none",
        values->training.device);
  if (values->dataset.enable_flowsim_gt)
    return m4_config_complain(config, "dataset.enable_flowsim_gt", err, "true is not supported, only false");
  if (values->training.enable_dist)
    return m4_config_complain(config, "training.enable_dist", err, "true is not supported, only false");
  if (values->dataset.flow_size_threshold != 100000000)
    return m4_config_complain(config, "dataset.flow_size_threshold", err,
                              "only 100000000 (no threshold) is supported");
  for (size_t i = 1; i < values->dataset.bins.count; ++i)
    if (values->dataset.bins.items[i] <= values->dataset.bins.items[i - 1])
      return m4_config_complain(config, "dataset.bins", err, "edges must increase");
  return M4_OK;
}

ag_dtype tr_dtype(const tr_config *values) {
  return strcmp(values->training.precision, "float64") == 0 ? AG_F64 : AG_F32;
}

m4_status tr_open_backend(const ag_backend **backend, const char *device, ag_dtype dtype, ag_gemm gemm,
                          m4_log *log, m4_error *err) {
  const char *why = NULL;
  *backend = ag_cpu_backend(dtype);
  if (dtype == AG_F32) M4_TRY(ag_device_open_with(backend, device, gemm, &why, err));
  m4_info(log, "device  %s%s%s%s", ag_backend_name(*backend), why ? " (" : "", why ? why : "",
          why ? ")" : "");
  return M4_OK;
}

m4_widths tr_widths(const tr_config *values) {
  m4_widths widths = m4_default_widths();
  widths.hidden = (int32_t)values->model.hidden_size;
  widths.gcn_hidden = (int32_t)values->model.gcn_hidden_size;
  widths.gcn_layers = values->model.enable_gnn ? (int32_t)values->model.gcn_n_layer : 0;
  widths.without_gru = !values->model.enable_lstm;
  widths.without_link_state = !values->model.enable_link_state;
  widths.head_hidden = widths.hidden;
  widths.aux_hidden = widths.hidden;
  widths.n_fluid = values->model.fluid ? M4_N_FLUID : 0;
  widths.has_size_head = values->dataset.enable_remainsize;
  widths.has_queue_head = values->dataset.enable_queuelen;
  return widths;
}

m4_size_feature tr_size_feature(const tr_config *values) {
  return strcmp(values->model.size_feature, "bytes") == 0 ? M4_SIZE_BYTES : M4_SIZE_KILOBYTES;
}

m4_input_form tr_input_form(const tr_config *values) {
  return strcmp(values->model.inputs, "scaled") == 0 ? M4_INPUTS_SCALED : M4_INPUTS_RAW;
}

m4_loss_options tr_loss_options(const tr_config *values, bool training) {
  m4_loss_options options = m4_default_loss();
  options.averaged = strcmp(values->training.loss, "averaged") == 0;
  double standard = options.averaged ? 0.1 : 0.005;
  options.weight_size = values->training.weight_size < 0 ? standard : values->training.weight_size;
  options.weight_queue = values->training.weight_queue < 0 ? standard : values->training.weight_queue;
  options.link_slots = (int32_t)values->training.link_slots;
  options.fct_form = strcmp(values->training.loss_fct, "log") == 0 ? M4_FCT_LOG : M4_FCT_RELATIVE;
  options.weight_every = values->training.weight_every;
  options.tail_weight = values->training.tail_weight;
  options.dropout = training ? values->model.dropout : 0.0;
  return options;
}

ds_sampling_options tr_sampling(const tr_config *values) {
  ds_sampling_options options = {0};
  const char *method = values->dataset.sampling_method;
  options.method = strcmp(method, "uniform") == 0    ? DS_UNIFORM
                   : strcmp(method, "weighted") == 0 ? DS_WEIGHTED
                                                     : DS_BALANCED;
  options.split_by = strcmp(values->dataset.split_by, "scenario") == 0 ? DS_SPLIT_SCENARIO : DS_SPLIT_PERIOD;
  options.n_samples = values->dataset.n_samples;
  options.active_limit = values->dataset.active_limit;
  options.train_frac = values->dataset.train_frac;
  options.batch_size = values->training.batch_size;
  options.seed = (uint64_t)values->dataset.shard;
  if (values->dataset.bins.count > 0) {
    options.bins = values->dataset.bins.items;
    options.n_bins = (int32_t)values->dataset.bins.count;
  }
  return options;
}
