/* Inside autograd/cuda/: matrix products by cuBLAS. */
#ifndef AG_CUDA_PRODUCTS_H
#define AG_CUDA_PRODUCTS_H

#include "autograd/cuda/runtime.h"

/* float32, or float32 matrices whose products the tensor cores make in TF32 or bf16, with float32 sums.
 * A product of given shapes has the same bits every time. False: cuBLAS does not start. */
bool ag_cuda_start_products(ag_cuda *cuda, ag_gemm gemm);
void ag_cuda_stop_products(ag_cuda *cuda);

void ag_cuda_multiply(ag_device *device, const ag_product *product);

#endif
