/* Choosing a device by name. The CUDA backend is a plug-in, libm4cuda.so, opened at run time: programs run
 * unchanged where there is no CUDA. The environment variable M4_CUDA_PLUGIN names another file. Knows
 * backend.h only. */
#ifndef AG_DEVICE_H
#define AG_DEVICE_H

#include "autograd/autograd.h"

#include <stddef.h>

/* How float32 matrices are multiplied: exactly so, or with factors rounded to TF32 (10 bits of mantissa) or
 * bfloat16 (7 bits). Sums are float32 always. */
typedef enum ag_gemm { AG_GEMM_F32, AG_GEMM_TF32, AG_GEMM_BF16, AG_GEMM_COUNT } ag_gemm;
/* "float32", "tf32", "bf16", NULL: the choices of a configuration key. */
extern const char *const ag_gemm_names[AG_GEMM_COUNT + 1];
/* The kind of that name; AG_GEMM_F32 when there is none. */
ag_gemm ag_gemm_named(const char *name);

/* device: "cpu", "cuda" or "cuda:N" (device number N), or "auto": CUDA where it works, else the CPU. float32.
 * *why (may be NULL; static or living as long as the process): NULL, or in one line what is other than was
 * asked for: "auto" without CUDA, or products that the CPU does not have (then they are float32). "cuda"
 * without CUDA is M4_IO with the same line; other names are M4_USAGE. The backend is the process's and never
 * freed; the same names give the same one. */
m4_status ag_device_open_with(const ag_backend **backend, const char *device, ag_gemm gemm, const char **why,
                              m4_error *err);
/* With float32 products. */
m4_status ag_device_open(const ag_backend **backend, const char *device, const char **why, m4_error *err);

/* Devices of this and of other processes that exchange arrays without the host (NCCL). Members are numbered
 * over all processes, each process has some in a row. */
enum { AG_EXCHANGE_ID_BYTES = 128 };
typedef struct ag_exchange ag_exchange;
struct ag_exchange {
  int n_members, n_here;
  /* all[d] [n_members, n] = member 0's mine [n], member 1's, ...: on every device d of this process, in the
   * order of what its backend does. Every process calls. M4_IO: the exchange has failed. */
  m4_status (*gather)(ag_exchange *exchange, float *const *all, const float *const *mine, size_t n,
                      m4_error *err);
  void (*close)(ag_exchange *exchange);
};

/* A name for a new exchange: made by one process, known to all before they open it. */
m4_status ag_exchange_name(unsigned char id[AG_EXCHANGE_ID_BYTES], m4_error *err);
/* The devices behind backends[n_here] (of ag_device_open) join as members first, first + 1, ... of n_members;
 * waits for the others. M4_IO where it cannot be had: no plug-in, no NCCL. */
m4_status ag_exchange_open(ag_exchange **exchange, const ag_backend *const *backends, int n_here, int first,
                           int n_members, const unsigned char id[AG_EXCHANGE_ID_BYTES], m4_error *err);
void ag_exchange_close(ag_exchange *exchange); /* NULL accepted */

/* What a plug-in exports under the name AG_PLUGIN_SYMBOL: a backend for device `number`, or NULL with a line
 * in why[why_bytes]. `version` is AG_PLUGIN_VERSION of the caller; another version is refused. */
#define AG_PLUGIN_VERSION 3
#define AG_PLUGIN_SYMBOL  "m4_cuda_backend"
typedef const ag_backend *(*ag_plugin_fn)(int version, int number, ag_gemm gemm, char *why, size_t why_bytes);
/* The same for an exchange; backends NULL: only fills id. NULL, with a line in why, on failure; where only
 * the id was wanted also on success, with why empty. */
#define AG_EXCHANGE_SYMBOL "m4_cuda_exchange"
typedef ag_exchange *(*ag_exchange_fn)(const ag_backend *const *backends, int n_here, int first,
                                       int n_members, unsigned char *id, char *why, size_t why_bytes);

#endif
