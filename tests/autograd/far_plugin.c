/* What libm4cuda.so exports, with the backend of cuda_on_host.h behind it: real programs run "on a device" in
 * tests. M4_FAR_FAULT makes it fail as plug-ins may: "open" has no device, "version" is of another version.
 */
#include "autograd/device.h"
#include "tests/autograd/cuda_on_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const ag_backend *m4_cuda_backend(int version, int number, char *why, size_t why_bytes);

const ag_backend *m4_cuda_backend(int version, int number, char *why, size_t why_bytes) {
  const char *fault = getenv("M4_FAR_FAULT");
  int mine = fault && strcmp(fault, "version") == 0 ? AG_PLUGIN_VERSION + 1 : AG_PLUGIN_VERSION;
  if (version != mine) {
    snprintf(why, why_bytes, "no CUDA backend: libm4cuda.so is of version %d, the program wants %d", mine,
             version);
    return NULL;
  }
  if (number == 0 && !fault) return cuda_on_host();
  snprintf(why, why_bytes, "no CUDA backend: no device %d", number);
  return NULL;
}
