/* Streams, events and memory of a CUDA runtime on the host. */
#include "tests/autograd/host_cuda/host_cuda.h"

#include "tests/autograd/far_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { N_DEVICES = 2, MOST_ARGS = 256, MOST_PINNED = 256 };

typedef struct job {
  void (*run)(const void *args);
  _Alignas(16) unsigned char args[MOST_ARGS];
} job;

struct CUstream_st {
  const host_cuda_calls *calls; /* first: host_cuda_calls_of */
  job *jobs;
  size_t n, capacity;
  uint64_t n_passed; /* jobs before jobs[0] */
  int device;
  cudaStream_t next;
};

struct CUevent_st {
  cudaStream_t stream; /* NULL: never recorded */
  uint64_t at;
};

typedef struct pinned {
  unsigned char *memory;
  size_t bytes;
} pinned;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cudaStream_t streams;
static pinned pins[MOST_PINNED];
static long fail_in;
static cudaError_t broken;
static _Thread_local int current;

void host_cuda_fail_job(long n) {
  fail_in = n;
}

void host_cuda_recover(void) {
  broken = cudaSuccess;
  fail_in = 0;
}

long host_cuda_waiting(void) {
  long sum = 0;
  pthread_mutex_lock(&lock);
  for (cudaStream_t s = streams; s; s = s->next) sum += (long)s->n;
  pthread_mutex_unlock(&lock);
  return sum;
}

/* ---- devices ---- */

cudaError_t cudaGetDeviceCount(int *count) {
  const char *fault = getenv("M4_FAR_FAULT");
  *count = N_DEVICES;
  if (fault && strncmp(fault, "job:", 4) == 0) fail_in = strtol(fault + 4, NULL, 10);
  return fault && strcmp(fault, "open") == 0 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= N_DEVICES) return cudaErrorInvalidDevice;
  current = device;
  return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error) {
  switch (error) {
  case cudaSuccess:
    return "no error";
  case cudaErrorInvalidValue:
    return "invalid argument";
  case cudaErrorMemoryAllocation:
    return "out of memory";
  case cudaErrorNoDevice:
    return "no CUDA-capable device is detected";
  case cudaErrorInvalidDevice:
    return "invalid device ordinal";
  case cudaErrorIllegalAddress:
    return "an illegal memory access was encountered";
  case cudaErrorUnknown:
    break;
  }
  return "unknown error";
}

cudaError_t cudaGetLastError(void) {
  return broken;
}

/* ---- streams ---- */

static const host_cuda_calls calls = {cudaStreamSynchronize, far_near};

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned int flags) {
  (void)flags;
  *stream = calloc(1, sizeof **stream);
  if (!*stream) return cudaErrorMemoryAllocation;
  (*stream)->calls = &calls;
  (*stream)->device = current;
  pthread_mutex_lock(&lock);
  (*stream)->next = streams;
  streams = *stream;
  pthread_mutex_unlock(&lock);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  cudaError_t error = cudaStreamSynchronize(stream);
  pthread_mutex_lock(&lock);
  cudaStream_t *place = &streams;
  while (*place != stream) place = &(*place)->next;
  *place = stream->next;
  pthread_mutex_unlock(&lock);
  free(stream->jobs);
  free(stream);
  return error;
}

static bool make_room(cudaStream_t stream) {
  if (stream->n < stream->capacity) return true;
  size_t capacity = stream->capacity ? 2 * stream->capacity : 64;
  job *jobs = realloc(stream->jobs, capacity * sizeof *jobs);
  if (!jobs) return false;
  stream->jobs = jobs;
  stream->capacity = capacity;
  return true;
}

cudaError_t host_cuda_add(cudaStream_t stream, void (*run)(const void *args), const void *args,
                          size_t bytes) {
  pthread_mutex_lock(&lock);
  cudaError_t error = broken;
  if (bytes > MOST_ARGS || stream->device != current) error = cudaErrorInvalidValue;
  if (error == cudaSuccess && !make_room(stream)) error = cudaErrorMemoryAllocation;
  if (error == cudaSuccess) {
    job *added = &stream->jobs[stream->n++];
    added->run = run;
    memcpy(added->args, args, bytes);
  }
  pthread_mutex_unlock(&lock);
  return error;
}

/* Works off the jobs before number `end`. */
static cudaError_t work(cudaStream_t stream, uint64_t end) {
  pthread_mutex_lock(&lock);
  size_t n = 0;
  while (n < stream->n && stream->n_passed + n < end && broken == cudaSuccess) {
    if (fail_in > 0 && --fail_in == 0)
      broken = cudaErrorIllegalAddress;
    else
      stream->jobs[n].run(stream->jobs[n].args);
    ++n;
  }
  if (broken != cudaSuccess) n = stream->n;
  stream->n -= n;
  stream->n_passed += n;
  if (stream->n > 0) memmove(stream->jobs, stream->jobs + n, stream->n * sizeof *stream->jobs);
  pthread_mutex_unlock(&lock);
  return broken;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return work(stream, UINT64_MAX);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned int flags) {
  (void)flags;
  *event = calloc(1, sizeof **event);
  return *event ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  free(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  pthread_mutex_lock(&lock);
  *event = (struct CUevent_st){stream, stream->n_passed + stream->n};
  pthread_mutex_unlock(&lock);
  return broken;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return event->stream ? work(event->stream, event->at) : broken;
}

/* ---- memory ---- */

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t *pool, int device) {
  (void)device;
  *pool = NULL;
  return cudaSuccess;
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, enum cudaMemPoolAttr attribute, void *value) {
  (void)pool, (void)attribute, (void)value;
  return cudaSuccess;
}

cudaError_t cudaMalloc(void **memory, size_t bytes) {
  *memory = far_alloc(bytes);
  return *memory ? broken : cudaErrorMemoryAllocation;
}

cudaError_t cudaFree(void *memory) {
  far_free(memory);
  return broken;
}

cudaError_t cudaMallocAsync(void **memory, size_t bytes, cudaStream_t stream) {
  (void)stream;
  return cudaMalloc(memory, bytes);
}

static void free_job(const void *args) {
  void *memory;
  memcpy(&memory, args, sizeof memory);
  far_free(memory);
}

cudaError_t cudaFreeAsync(void *memory, cudaStream_t stream) {
  return host_cuda_add(stream, free_job, &memory, sizeof memory);
}

cudaError_t cudaHostAlloc(void **memory, size_t bytes, unsigned int flags) {
  (void)flags;
  *memory = NULL;
  for (int i = 0; i < MOST_PINNED && !*memory; ++i) {
    if (pins[i].memory) continue;
    pins[i] = (pinned){malloc(bytes), bytes};
    *memory = pins[i].memory;
  }
  return *memory ? broken : cudaErrorMemoryAllocation;
}

cudaError_t cudaFreeHost(void *memory) {
  for (int i = 0; i < MOST_PINNED; ++i)
    if (pins[i].memory == memory) pins[i] = (pinned){0};
  free(memory);
  return broken;
}

static bool is_pinned(const void *memory) {
  for (int i = 0; i < MOST_PINNED; ++i)
    if ((uintptr_t)memory - (uintptr_t)pins[i].memory < pins[i].bytes) return true;
  return false;
}

typedef struct copying {
  void *to;
  const void *from;
  size_t bytes;
} copying;

static void copy_job(const void *args) {
  copying c;
  memcpy(&c, args, sizeof c);
  memmove(far_near(c.to), far_near(c.from), c.bytes);
}

/* Pageable memory of the host is read and written before the call returns, pinned memory when it is time. */
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind,
                            cudaStream_t stream) {
  const copying c = {to, from, bytes};
  bool pageable = (kind == cudaMemcpyHostToDevice && !is_pinned(from)) ||
                  (kind == cudaMemcpyDeviceToHost && !is_pinned(to));
  cudaError_t error = host_cuda_add(stream, copy_job, &c, sizeof c);
  return error == cudaSuccess && pageable ? cudaStreamSynchronize(stream) : error;
}

typedef struct filling {
  void *memory;
  size_t bytes;
  int value;
} filling;

static void fill_job(const void *args) {
  filling f;
  memcpy(&f, args, sizeof f);
  memset(far_near(f.memory), f.value, f.bytes);
}

cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t stream) {
  const filling f = {memory, bytes, value};
  return host_cuda_add(stream, fill_job, &f, sizeof f);
}
