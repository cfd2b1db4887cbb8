/* Graphs of one operation: described, compiled, kept, run. */
#include "autograd/cuda/cudnn_graph.h"

#include <cudnn.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PLANS = 128, MOST_PARTS = 64, MOST_CONFIGS = 8 };

#define CUDNN_FUNCTIONS(X)                                                                                   \
  X(cudnnCreate)                                                                                             \
  X(cudnnDestroy)                                                                                            \
  X(cudnnSetStream)                                                                                          \
  X(cudnnGetErrorString)                                                                                     \
  X(cudnnBackendCreateDescriptor)                                                                            \
  X(cudnnBackendDestroyDescriptor)                                                                           \
  X(cudnnBackendSetAttribute)                                                                                \
  X(cudnnBackendGetAttribute)                                                                                \
  X(cudnnBackendFinalize)                                                                                    \
  X(cudnnBackendExecute)

/* An operation of one shape, compiled. */
typedef struct plan {
  ag_cudnn_kind kind;
  int32_t rows, cols;
  int n_parts;
  cudnnBackendDescriptor_t parts[MOST_PARTS]; /* everything that was made for it */
  cudnnBackendDescriptor_t execution;
  int64_t workspace_bytes;
} plan;

struct ag_cudnn {
#define X(name) __typeof__(&(name)) name;
  CUDNN_FUNCTIONS(X)
#undef X
  cudnnHandle_t handle;
  cudaStream_t stream;
  plan plans[MOST_PLANS];
  int n_plans;
  cudnnStatus_t status; /* first failure of the plan that is being made */
  const char *what;
};

/* ---- operations: what they are called and what they read and write ---- */

typedef enum shape { MATRIX, PER_ROW, PER_COLUMN, NUMBER } shape;

typedef struct operand {
  cudnnBackendAttributeName_t attribute;
  shape shape;
} operand;

static const operand norm[] = {{CUDNN_ATTR_OPERATION_NORM_FWD_XDESC, MATRIX},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_SCALE_DESC, PER_COLUMN},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_BIAS_DESC, PER_COLUMN},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_EPSILON_DESC, NUMBER},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_YDESC, MATRIX},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_MEAN_DESC, PER_ROW},
                               {CUDNN_ATTR_OPERATION_NORM_FWD_INV_VARIANCE_DESC, PER_ROW}};
static const operand norm_back[] = {{CUDNN_ATTR_OPERATION_NORM_BWD_XDESC, MATRIX},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_DYDESC, MATRIX},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_SCALE_DESC, PER_COLUMN},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_MEAN_DESC, PER_ROW},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_INV_VARIANCE_DESC, PER_ROW},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_DXDESC, MATRIX},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_DSCALE_DESC, PER_COLUMN},
                                    {CUDNN_ATTR_OPERATION_NORM_BWD_DBIAS_DESC, PER_COLUMN}};
static const operand function[] = {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, MATRIX},
                                   {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, MATRIX}};
static const operand function_back[] = {{CUDNN_ATTR_OPERATION_POINTWISE_XDESC, MATRIX},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, MATRIX},
                                        {CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, MATRIX}};

#define OPERANDS(list) list, sizeof(list) / sizeof(list)[0]
static const struct {
  const operand *operands;
  size_t n_operands;
  cudnnPointwiseMode_t mode; /* of functions */
} kinds[AG_CUDNN_KIND_COUNT] = {
    [AG_CUDNN_NORM] = {OPERANDS(norm), 0},
    [AG_CUDNN_NORM_BACK] = {OPERANDS(norm_back), 0},
    [AG_CUDNN_RELU] = {OPERANDS(function), CUDNN_POINTWISE_RELU_FWD},
    [AG_CUDNN_SIGMOID] = {OPERANDS(function), CUDNN_POINTWISE_SIGMOID_FWD},
    [AG_CUDNN_TANH] = {OPERANDS(function), CUDNN_POINTWISE_TANH_FWD},
    [AG_CUDNN_RELU_BACK] = {OPERANDS(function_back), CUDNN_POINTWISE_RELU_BWD},
    [AG_CUDNN_SIGMOID_BACK] = {OPERANDS(function_back), CUDNN_POINTWISE_SIGMOID_BWD},
    [AG_CUDNN_TANH_BACK] = {OPERANDS(function_back), CUDNN_POINTWISE_TANH_BWD},
};

/* ---- descriptors; after the first failure nothing happens ---- */

static void note(ag_cudnn *c, cudnnStatus_t status, const char *what) {
  if (c->status == CUDNN_STATUS_SUCCESS && status != CUDNN_STATUS_SUCCESS) {
    c->status = status;
    c->what = what;
  }
}

static cudnnBackendDescriptor_t make(ag_cudnn *c, plan *p, cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t part = NULL;
  if (c->status != CUDNN_STATUS_SUCCESS) return NULL;
  if (p->n_parts == MOST_PARTS)
    note(c, CUDNN_STATUS_INTERNAL_ERROR, "too many descriptors");
  else
    note(c, c->cudnnBackendCreateDescriptor(type, &part), "a descriptor");
  if (c->status == CUDNN_STATUS_SUCCESS) p->parts[p->n_parts++] = part;
  return part;
}

static void set(ag_cudnn *c, cudnnBackendDescriptor_t part, cudnnBackendAttributeName_t name,
                cudnnBackendAttributeType_t type, int64_t count, const void *values) {
  if (c->status == CUDNN_STATUS_SUCCESS)
    note(c, c->cudnnBackendSetAttribute(part, name, type, count, values), "an attribute");
}

static void finish(ag_cudnn *c, cudnnBackendDescriptor_t part, const char *what) {
  if (c->status == CUDNN_STATUS_SUCCESS) note(c, c->cudnnBackendFinalize(part), what);
}

static cudnnBackendDescriptor_t describe_tensor(ag_cudnn *c, plan *p, shape kind, int64_t id) {
  const int64_t rows = kind == MATRIX || kind == PER_ROW ? p->rows : 1;
  const int64_t cols = kind == MATRIX || kind == PER_COLUMN ? p->cols : 1;
  const int64_t dimensions[4] = {rows, cols, 1, 1}, strides[4] = {cols, 1, 1, 1};
  const int64_t aligned = kind == PER_ROW ? p->rows : p->cols; /* of PER_ROW: saved behind another list */
  const int64_t alignment = aligned % 4 == 0 && kind != NUMBER ? 16 : 4;
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  const bool by_value = true;
  cudnnBackendDescriptor_t tensor = make(c, p, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(c, tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  set(c, tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dimensions);
  set(c, tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides);
  set(c, tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id);
  set(c, tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  if (kind == NUMBER) set(c, tensor, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN, 1, &by_value);
  finish(c, tensor, "a tensor");
  return tensor;
}

static void describe_norm(ag_cudnn *c, const plan *p, cudnnBackendDescriptor_t operation) {
  const bool back = p->kind == AG_CUDNN_NORM_BACK;
  const cudnnBackendNormMode_t mode = CUDNN_LAYER_NORM;
  const cudnnBackendNormFwdPhase_t phase = CUDNN_NORM_FWD_TRAINING;
  set(c, operation, back ? CUDNN_ATTR_OPERATION_NORM_BWD_MODE : CUDNN_ATTR_OPERATION_NORM_FWD_MODE,
      CUDNN_TYPE_NORM_MODE, 1, &mode);
  if (!back) set(c, operation, CUDNN_ATTR_OPERATION_NORM_FWD_PHASE, CUDNN_TYPE_NORM_FWD_PHASE, 1, &phase);
}

static void describe_function(ag_cudnn *c, plan *p, cudnnBackendDescriptor_t operation) {
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  cudnnBackendDescriptor_t pointwise = make(c, p, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  set(c, pointwise, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &kinds[p->kind].mode);
  set(c, pointwise, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
  finish(c, pointwise, "a function");
  set(c, operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
      &pointwise);
}

static cudnnBackendDescriptor_t describe_operation(ag_cudnn *c, plan *p) {
  bool is_norm = p->kind == AG_CUDNN_NORM || p->kind == AG_CUDNN_NORM_BACK;
  cudnnBackendDescriptor_t operation =
      make(c, p,
           p->kind == AG_CUDNN_NORM        ? CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR
           : p->kind == AG_CUDNN_NORM_BACK ? CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR
                                           : CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  if (is_norm)
    describe_norm(c, p, operation);
  else
    describe_function(c, p, operation);
  for (size_t i = 0; i < kinds[p->kind].n_operands; ++i) {
    const operand *o = &kinds[p->kind].operands[i];
    cudnnBackendDescriptor_t tensor = describe_tensor(c, p, o->shape, (int64_t)i + 1);
    set(c, operation, o->attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &tensor);
  }
  finish(c, operation, "an operation");
  return operation;
}

/* ---- compiling ---- */

/* The first of the heuristic's configurations that compiles. */
static bool compile_as(ag_cudnn *c, plan *p, cudnnBackendDescriptor_t graph, cudnnBackendHeurMode_t mode) {
  cudnnBackendDescriptor_t configs[MOST_CONFIGS];
  int64_t found = 0;
  cudnnBackendDescriptor_t heuristic = make(c, p, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  set(c, heuristic, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph);
  set(c, heuristic, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  finish(c, heuristic, "a heuristic");
  for (int i = 0; i < MOST_CONFIGS; ++i) configs[i] = make(c, p, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
  if (c->status != CUDNN_STATUS_SUCCESS) return false;
  note(c,
       c->cudnnBackendGetAttribute(heuristic, CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                                   MOST_CONFIGS, &found, configs),
       "the heuristic's results");
  for (int64_t i = 0; i < found && i < MOST_CONFIGS && !p->execution; ++i) {
    cudnnBackendDescriptor_t execution = make(c, p, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    set(c, execution, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &c->handle);
    set(c, execution, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &configs[i]);
    if (c->status == CUDNN_STATUS_SUCCESS && c->cudnnBackendFinalize(execution) == CUDNN_STATUS_SUCCESS)
      p->execution = execution;
  }
  return p->execution != NULL;
}

static void compile(ag_cudnn *c, plan *p) {
  int64_t n;
  cudnnBackendDescriptor_t operation = describe_operation(c, p);
  cudnnBackendDescriptor_t graph = make(c, p, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set(c, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &c->handle);
  set(c, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &operation);
  finish(c, graph, "a graph");
  if (!compile_as(c, p, graph, CUDNN_HEUR_MODE_A) && !compile_as(c, p, graph, CUDNN_HEUR_MODE_FALLBACK))
    note(c, CUDNN_STATUS_NOT_SUPPORTED, "no engine");
  if (c->status == CUDNN_STATUS_SUCCESS)
    note(c,
         c->cudnnBackendGetAttribute(p->execution, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
                                     1, &n, &p->workspace_bytes),
         "a plan's workspace");
}

static void forget(ag_cudnn *c, plan *p) {
  while (p->n_parts > 0) c->cudnnBackendDestroyDescriptor(p->parts[--p->n_parts]);
  *p = (plan){0};
}

/* The plan for a shape; when all places are taken all shapes are forgotten. */
static plan *find(ag_cudnn *c, ag_cudnn_kind kind, int32_t rows, int32_t cols) {
  for (int i = 0; i < c->n_plans; ++i)
    if (c->plans[i].kind == kind && c->plans[i].rows == rows && c->plans[i].cols == cols) return &c->plans[i];
  if (c->n_plans == MOST_PLANS) {
    cudaStreamSynchronize(c->stream);
    while (c->n_plans > 0) forget(c, &c->plans[--c->n_plans]);
  }
  plan *p = &c->plans[c->n_plans];
  *p = (plan){.kind = kind, .rows = rows, .cols = cols};
  compile(c, p);
  if (c->status == CUDNN_STATUS_SUCCESS) return &c->plans[c->n_plans++];
  forget(c, p);
  return NULL;
}

/* ---- running ---- */

static void execute(ag_cudnn *c, const plan *p, void *const *pointers) {
  int64_t ids[AG_CUDNN_MOST_OPERANDS];
  int64_t n = (int64_t)kinds[p->kind].n_operands;
  void *workspace = NULL;
  for (int64_t i = 0; i < n; ++i) ids[i] = i + 1;
  if (p->workspace_bytes > 0 &&
      cudaMallocAsync(&workspace, (size_t)p->workspace_bytes, c->stream) != cudaSuccess)
    note(c, CUDNN_STATUS_ALLOC_FAILED, "a workspace");
  plan temporary = {0};
  cudnnBackendDescriptor_t pack = make(c, &temporary, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  set(c, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, n, ids);
  set(c, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, n, pointers);
  set(c, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace);
  finish(c, pack, "a variant pack");
  if (c->status == CUDNN_STATUS_SUCCESS)
    note(c, c->cudnnBackendExecute(c->handle, p->execution, pack), "running");
  if (workspace) cudaFreeAsync(workspace, c->stream);
  forget(c, &temporary);
}

static void complain(const ag_cudnn *c, int32_t rows, int32_t cols, char *why, size_t why_bytes) {
  snprintf(why, why_bytes, "cuDNN [%d, %d]: %s: %s", rows, cols, c->what, c->cudnnGetErrorString(c->status));
}

bool ag_cudnn_run(ag_cudnn *c, ag_cudnn_kind kind, int32_t rows, int32_t cols, void *const *pointers,
                  char *why, size_t why_bytes) {
  c->status = CUDNN_STATUS_SUCCESS;
  plan *p = find(c, kind, rows, cols);
  if (p) execute(c, p, pointers);
  if (c->status == CUDNN_STATUS_SUCCESS) return true;
  complain(c, rows, cols, why, why_bytes);
  return false;
}

/* ---- opening ---- */

static bool load(ag_cudnn *c, char *why, size_t why_bytes) {
  const char *chosen = getenv("M4_CUDNN_LIBRARY");
  void *library = dlopen(chosen && chosen[0] ? chosen : "libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
  bool found = library != NULL;
  if (!found) snprintf(why, why_bytes, "no cuDNN: %.200s", dlerror());
#define X(name)                                                                                              \
  if (found) {                                                                                               \
    void *symbol = dlsym(library, #name);                                                                    \
    memcpy(&c->name, &symbol, sizeof symbol);                                                                \
    found = symbol != NULL;                                                                                  \
    if (!found) snprintf(why, why_bytes, "no cuDNN: its library lacks %s", #name);                           \
  }
  CUDNN_FUNCTIONS(X)
#undef X
  return found;
}

bool ag_cudnn_accepts(ag_cudnn_kind kind, int32_t rows, int32_t cols, char *why, size_t why_bytes) {
  ag_cudnn *c = calloc(1, sizeof *c);
  plan p = {.kind = kind, .rows = rows, .cols = cols};
  if (!c || !load(c, why, why_bytes)) {
    free(c);
    return false;
  }
  describe_operation(c, &p);
  bool accepted = c->status == CUDNN_STATUS_SUCCESS;
  if (!accepted) complain(c, rows, cols, why, why_bytes);
  forget(c, &p);
  free(c);
  return accepted;
}

ag_cudnn *ag_cudnn_open(cudaStream_t stream, char *why, size_t why_bytes) {
  ag_cudnn *c = calloc(1, sizeof *c);
  if (!c) {
    snprintf(why, why_bytes, "no cuDNN: no host memory");
    return NULL;
  }
  c->stream = stream;
  if (load(c, why, why_bytes)) {
    cudnnStatus_t status = c->cudnnCreate(&c->handle);
    if (status == CUDNN_STATUS_SUCCESS) status = c->cudnnSetStream(c->handle, stream);
    if (status == CUDNN_STATUS_SUCCESS) return c;
    snprintf(why, why_bytes, "no cuDNN: %s", c->cudnnGetErrorString(status));
  }
  ag_cudnn_close(c);
  return NULL;
}

void ag_cudnn_close(ag_cudnn *c) {
  if (!c) return;
  while (c->n_plans > 0) forget(c, &c->plans[--c->n_plans]);
  if (c->handle) c->cudnnDestroy(c->handle);
  free(c);
}
