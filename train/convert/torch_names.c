/* The names that a pickle of PyTorch may mention, and what each stands for here. Everything else is refused.
 */
#include "train/convert/torch_names.h"

#include <string.h>

static const struct known_name {
  const char *name;
  ds_pickle_role role;
} known_names[] = {
    {"collections OrderedDict", DS_ROLE_DICT},
    {TR_TORCH_TENSOR, DS_ROLE_CALL},
    {"torch._utils _rebuild_parameter", DS_ROLE_FIRST},
    {"torch.jit._pickle restore_type_tag", DS_ROLE_FIRST},
    {"torch FloatStorage", DS_ROLE_WORD},
    {"torch DoubleStorage", DS_ROLE_WORD},
    {"torch HalfStorage", DS_ROLE_WORD},
    {"torch BFloat16Storage", DS_ROLE_WORD},
    {"torch LongStorage", DS_ROLE_WORD},
    {"torch IntStorage", DS_ROLE_WORD},
    {"torch ByteStorage", DS_ROLE_WORD},
    {"torch BoolStorage", DS_ROLE_WORD},
    /* what Lightning keeps beside the weights; never looked at */
    {"argparse Namespace", DS_ROLE_OBJECT},
    {"pytorch_lightning.utilities.parsing AttributeDict", DS_ROLE_OBJECT},
    {"lightning.pytorch.utilities.parsing AttributeDict", DS_ROLE_OBJECT},
    {"lightning_fabric.utilities.data AttributeDict", DS_ROLE_OBJECT},
    {"lightning.fabric.utilities.data AttributeDict", DS_ROLE_OBJECT},
    {"pytorch_lightning.callbacks.model_checkpoint ModelCheckpoint", DS_ROLE_OBJECT},
};

/* The modules of a TorchScript file are objects of classes that the file itself describes. */
static const char torchscript_root[] = "__torch__"; /* "__torch__.module Class" or "__torch__ Class" */

static ds_pickle_role role_of(const char *name) {
  for (size_t i = 0; i < sizeof known_names / sizeof *known_names; ++i)
    if (strcmp(name, known_names[i].name) == 0) return known_names[i].role;
  size_t root = sizeof torchscript_root - 1;
  if (strncmp(name, torchscript_root, root) == 0 && (name[root] == '.' || name[root] == ' '))
    return DS_ROLE_OBJECT;
  return DS_ROLE_REFUSED;
}

const ds_pickle_rules tr_torch_rules = {.role_of = role_of,
                                        .hint =
                                            "only weights are read; save model.state_dict() with torch.save",
                                        .max_protocol = 2,
                                        .persistent = true};

const ds_pickle_value *tr_torch_storage(const ds_pickle_value *value) {
  if (value->kind != DS_PICKLE_PERSISTENT) return NULL;
  const ds_pickle_value *id = value->items[0];
  bool good = id->kind == DS_PICKLE_TUPLE && id->n_items == 5 && id->items[0]->kind == DS_PICKLE_TEXT &&
              strcmp(id->items[0]->text, "storage") == 0 && id->items[1]->kind == DS_PICKLE_NAME &&
              id->items[1]->role == DS_ROLE_WORD && id->items[2]->kind == DS_PICKLE_TEXT &&
              id->items[3]->kind == DS_PICKLE_TEXT && id->items[4]->kind == DS_PICKLE_INT;
  return good ? id : NULL;
}
