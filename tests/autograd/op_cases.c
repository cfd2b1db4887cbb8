/* Collects the cases that stand at the end of each op file. */
#include "tests/autograd/op_cases.h"

#include <math.h>

#define AG_CASES
#include "autograd/ops/dropout.c"
#include "autograd/ops/elementwise.c"
#include "autograd/ops/gru_cell.c"
#include "autograd/ops/layer_norm.c"
#include "autograd/ops/linear.c"
#include "autograd/ops/reduce.c"
#include "autograd/ops/rows.c"
#include "autograd/ops/segment_sum.c"

const ag_case *const op_cases[AG_OP_COUNT] = {
#define AG_OP(name, inputs, text) &case_##name,
#include "autograd/ops.def"
#undef AG_OP
};
