/* The names that a pickle may mention, and what each stands for here. Everything else is refused. */
#include "train/convert/pickle.h"

#include <string.h>

static const struct known_name {
  const char *name;
  tr_pickle_role role;
} known_names[] = {
    {"collections OrderedDict", TR_ROLE_DICT},
    {"torch._utils _rebuild_tensor_v2", TR_ROLE_TENSOR},
    {"torch._utils _rebuild_parameter", TR_ROLE_PARAMETER},
    {"torch.jit._pickle restore_type_tag", TR_ROLE_TAG},
    {"torch FloatStorage", TR_ROLE_STORAGE},
    {"torch DoubleStorage", TR_ROLE_STORAGE},
    {"torch HalfStorage", TR_ROLE_STORAGE},
    {"torch BFloat16Storage", TR_ROLE_STORAGE},
    {"torch LongStorage", TR_ROLE_STORAGE},
    {"torch IntStorage", TR_ROLE_STORAGE},
    {"torch ByteStorage", TR_ROLE_STORAGE},
    {"torch BoolStorage", TR_ROLE_STORAGE},
    /* what Lightning keeps beside the weights; never looked at */
    {"argparse Namespace", TR_ROLE_OBJECT},
    {"pytorch_lightning.utilities.parsing AttributeDict", TR_ROLE_OBJECT},
    {"lightning.pytorch.utilities.parsing AttributeDict", TR_ROLE_OBJECT},
    {"lightning_fabric.utilities.data AttributeDict", TR_ROLE_OBJECT},
    {"lightning.fabric.utilities.data AttributeDict", TR_ROLE_OBJECT},
    {"pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint", TR_ROLE_OBJECT},
};

/* The modules of a TorchScript file are objects of classes that the file itself describes. */
static const char torchscript_prefix[] = "__torch__.";

tr_pickle_role tr_pickle_role_of(const char *name) {
  for (size_t i = 0; i < sizeof known_names / sizeof *known_names; ++i)
    if (strcmp(name, known_names[i].name) == 0) return known_names[i].role;
  if (strncmp(name, torchscript_prefix, sizeof torchscript_prefix - 1) == 0) return TR_ROLE_OBJECT;
  return TR_ROLE_UNKNOWN;
}
