/* Choosing a device by name. The CUDA backend is a plug-in, libm4cuda.so, opened at run time: programs run
 * unchanged where there is no CUDA. The environment variable M4_CUDA_PLUGIN names another file. Knows
 * backend.h only. */
#ifndef AG_DEVICE_H
#define AG_DEVICE_H

#include "autograd/autograd.h"

#include <stddef.h>

/* device: "cpu", "cuda" or "cuda:N" (device number N), or "auto": CUDA where it works, else the CPU. float32.
 * With "auto" and no CUDA, *why (may be NULL; static or living as long as the process) says in one line what
 * is missing; otherwise it is NULL. "cuda" without CUDA is M4_IO with the same line; other names are
 * M4_USAGE. The backend is the process's and never freed. */
m4_status ag_device_open(const ag_backend **backend, const char *device, const char **why, m4_error *err);

/* What a plug-in exports under the name AG_PLUGIN_SYMBOL: a backend for device `number`, or NULL with a line
 * in why[why_bytes]. `version` is AG_PLUGIN_VERSION of the caller; another version is refused. */
#define AG_PLUGIN_VERSION 1
#define AG_PLUGIN_SYMBOL  "m4_cuda_backend"
typedef const ag_backend *(*ag_plugin_fn)(int version, int number, char *why, size_t why_bytes);

#endif
