/* Matrix products by cuBLAS. */
#include "autograd/cuda/products.h"

enum { WORKSPACE_BYTES = 32 << 20 }; /* what cuBLAS recommends for Hopper */

static cublasComputeType_t compute_type(ag_gemm gemm) {
  return gemm == AG_GEMM_TF32   ? CUBLAS_COMPUTE_32F_FAST_TF32
         : gemm == AG_GEMM_BF16 ? CUBLAS_COMPUTE_32F_FAST_16BF
                                : CUBLAS_COMPUTE_32F;
}

bool ag_cuda_start_products(ag_cuda *cuda, ag_gemm gemm) {
  cuda->compute = compute_type(gemm);
  return cublasCreate(&cuda->blas) == CUBLAS_STATUS_SUCCESS &&
         cublasSetStream(cuda->blas, cuda->stream) == CUBLAS_STATUS_SUCCESS &&
         cudaMalloc(&cuda->blas_workspace, WORKSPACE_BYTES) == cudaSuccess &&
         cublasSetWorkspace(cuda->blas, cuda->blas_workspace, WORKSPACE_BYTES) == CUBLAS_STATUS_SUCCESS;
}

void ag_cuda_stop_products(ag_cuda *cuda) {
  if (cuda->blas) cublasDestroy(cuda->blas);
  if (cuda->blas_workspace) cudaFree(cuda->blas_workspace);
}

/* cuBLAS is column-major: a row-major product is the product of the transposes in the other order. */
void ag_cuda_multiply(ag_device *device, const ag_product *p) {
  ag_cuda *cuda = (ag_cuda *)device;
  const float one = 1, beta = p->accumulate ? 1 : 0;
  if (!ag_cuda_begin(cuda, "product")) return;
  cublasStatus_t status =
      cublasGemmEx(cuda->blas, CUBLAS_OP_N, p->a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, p->n, p->m, p->k,
                   &one, p->b, CUDA_R_32F, p->b_stride, p->a, CUDA_R_32F, p->a_stride, &beta, p->c,
                   CUDA_R_32F, p->c_stride, cuda->compute, CUBLAS_GEMM_DEFAULT);
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cudaError_t error = cudaGetLastError();
  ag_cuda_went_well(cuda, error == cudaSuccess ? cudaErrorUnknown : error, cublasGetStatusString(status));
}
