/* Matrix products of the CPU backend: own kernels, tuned by the compiler for this CPU (M4_NATIVE). Knows
 * nothing of ops. OpenBLAS 0.3.21 falls back to AVX2 on CPUs newer than itself, which halves its rate there,
 * and loses more on few rows; `ag_gemm_rates` compares the two. Builds that must run on any CPU use
 * gemm_blas.c instead. */
#include "autograd/cpu/kernels.h"

/* Vector width, and how many rows a tile may have when it is 2, 4 and 8 vectors wide: its sums stay in the
 * registers. */
#if defined __AVX512F__
enum { VECTOR_BYTES = 64, TILE_ROWS = 12, ROWS_OF_4 = 6, ROWS_OF_8 = 2 };
#elif defined __AVX__
enum { VECTOR_BYTES = 32, TILE_ROWS = 6, ROWS_OF_4 = 3, ROWS_OF_8 = 1 };
#else
enum { VECTOR_BYTES = 16, TILE_ROWS = 6, ROWS_OF_4 = 3, ROWS_OF_8 = 1 };
#endif
enum { MAX_ROWS = 12, DEPTH = 128, AHEAD = 4 /* rows of b fetched before they are needed */ };

/* In tiles of few rows compilers read b from memory again for every row: half the rate. */
#ifdef __x86_64__
#define KEEP_IN_REGISTER(vector) __asm__("" : "+v"(vector))
#else
#define KEEP_IN_REGISTER(vector) (void)0
#endif

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 12")
#endif

#define AG_NO_BF16
#define AG_KERNELS "autograd/cpu/gemm_tile.h"
#include "autograd/cpu/each_type.h"
