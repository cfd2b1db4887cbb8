/* m4-convert: weights between PyTorch's files and safetensors, and at other widths. */
#include "base/program.h"
#include "train/convert/convert.h"
#include "train/convert/resize.h"

typedef struct convert_options {
  const char *from, *to;
  tr_new_widths widths;
  int64_t seed;
} convert_options;

static const m4_option option_table[] = {
    {"--from", M4_OPTION_TEXT, offsetof(convert_options, from), "PATH",
     "folder of TorchScript files, torch.save file (.pt, .ckpt) or safetensors file", NULL},
    {"--to", M4_OPTION_TEXT, offsetof(convert_options, to), "FILE",
     "NAME.safetensors, or NAME.pt for a plain PyTorch state_dict", NULL},
    {"--hidden", M4_OPTION_INT, offsetof(convert_options, widths.hidden), "N",
     "new width of states and heads, safetensors to safetensors: wider predicts the same and is where "
     "training goes on (training.init_from), narrower keeps what matters most (default: 0, as it is)",
     NULL},
    {"--gcn", M4_OPTION_INT, offsetof(convert_options, widths.gcn_hidden), "N",
     "the same for the width between graph layers (default: 0, as it is)", NULL},
    {"--seed", M4_OPTION_INT, offsetof(convert_options, seed), "N",
     "seed of the shares that copied units get (default: 0)", NULL},
    {NULL, M4_OPTION_FLAG, 0, NULL, NULL, NULL}};

static const m4_program program = {
    "m4-convert",
    "converts weights between PyTorch's files and safetensors, changes their widths",
    "m4-convert --from PATH --to FILE [--hidden N] [--gcn N]",
    "m4-convert --from torchscript_models --to m4.safetensors\n"
    "m4-convert --from last.ckpt --to m4.safetensors\n"
    "m4-convert --from best.safetensors --to best.pt\n"
    "m4-convert --from small.safetensors --to large.safetensors --hidden 200 --gcn 300",
    option_table,
    NULL};

static m4_status run(void *target, const m4_common *common, m4_error *err) {
  (void)common;
  const convert_options *options = target;
  if (!options->from) return m4_fail(err, M4_USAGE, "--from", "no weights given");
  if (!options->to) return m4_fail(err, M4_USAGE, "--to", "no file to write given");
  if (options->widths.hidden != 0 || options->widths.gcn_hidden != 0)
    return tr_resize(options->from, options->to, options->widths, options->seed, err);
  return tr_convert(options->from, options->to, err);
}

int main(int argc, char **argv) {
  convert_options options = {0};
  return m4_main(&program, run, &options, argc, argv);
}
