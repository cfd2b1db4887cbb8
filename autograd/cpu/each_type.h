/* Compiles the kernels in AG_KERNELS (a file name) as ..._f32 with ag_real = float, as ..._f64 with double
 * and as ..._bf16: float again, with matrix products of values rounded to bfloat16 (weight_products.h). An op
 * file includes this once after its shape rules and sets AG_KERNELS to itself; see ops/elementwise.c. With
 * AG_NO_BF16 the third is left out. No include guard. */
#include "autograd/cpu/weight_products.h"

#define ag_real    float
#define AG_T(name) ag_##name##_f32
#include "autograd/cpu/row_math.h"
#include AG_KERNELS
#undef ag_real
#undef AG_T

#define ag_real    double
#define AG_T(name) ag_##name##_f64
#include "autograd/cpu/row_math.h"
#include AG_KERNELS

#if defined AG_BF16 && !defined AG_NO_BF16
#undef ag_real
#undef AG_T
#define ag_real    float
#define AG_T(name) ag_##name##_bf16
#include "autograd/cpu/row_math.h"
#include AG_KERNELS
#endif
