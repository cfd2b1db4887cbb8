/* m4-convert: weights between PyTorch's files and safetensors. */
#include "base/program.h"
#include "train/convert/convert.h"

typedef struct convert_options {
  const char *from, *to;
} convert_options;

static const m4_option option_table[] = {
    {"--from", M4_OPTION_TEXT, offsetof(convert_options, from), "PATH",
     "folder of TorchScript files, torch.save file (.pt, .ckpt) or safetensors file", NULL},
    {"--to", M4_OPTION_TEXT, offsetof(convert_options, to), "FILE",
     "NAME.safetensors, or NAME.pt for a plain PyTorch state_dict", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {"m4-convert",
                                   "converts weights between PyTorch's files and safetensors",
                                   "m4-convert --from PATH --to FILE",
                                   "m4-convert --from torchscript_models --to m4.safetensors\n"
                                   "m4-convert --from last.ckpt --to m4.safetensors\n"
                                   "m4-convert --from best.safetensors --to best.pt",
                                   option_table,
                                   NULL};

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  (void)common;
  const convert_options *options = target;
  if (!options->from) return m4_fail(err, M4_USAGE, "--from", "no weights given");
  if (!options->to) return m4_fail(err, M4_USAGE, "--to", "no file to write given");
  return tr_convert(options->from, options->to, err);
}

int main(int argc, char **argv) {
  convert_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
