#!/usr/bin/env bash
# Self-check of check_sources.sh: a clean tree passes, each planted mistake is found.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# plant FILE TEXT: one tree with a harmless file and this one.
plant() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/base" "$tree/$(dirname "$1")"
  echo '#include "base/status.h"' >"$tree/base/plain.c"
  printf '%s\n' "$2" >"$tree/$1"
}

expect_pass() {
  plant "$1" "$2"
  "$here/check_sources.sh" "$tree" || { echo "refused: $1: $2"; exit 1; }
}

expect_complaint() {
  plant "$1" "$2"
  local said
  if said=$("$here/check_sources.sh" "$tree"); then echo "not found: $1: $2"; exit 1; fi
  [[ $said == "$1:"*"$3"* ]] || { echo "wrong complaint for $1: $said"; exit 1; }
}

rooms=(base autograd nn infer sim data datagen train)
declare -A below=(
  [base]="base" [autograd]="base autograd" [nn]="base autograd nn" [infer]="base autograd nn infer"
  [sim]="base autograd nn infer sim" [data]="base autograd nn data" [train]="base autograd nn data train"
  [datagen]="base autograd nn infer sim data datagen")
for room in "${rooms[@]}"; do
  for other in "${rooms[@]}"; do
    if [[ " ${below[$room]} " == *" $other "* ]]; then
      expect_pass "$room/planted.c" "#include \"$other/x.h\""
    else
      expect_complaint "$room/planted.c" "  #  include \"$other/x.h\"" "may not know $other"
    fi
  done
done

expect_complaint sim/deep/er/planted.h '#include "train/x.h"' "may not know train"
expect_complaint autograd/ops.def '#include "nn/x.h"' "may not know nn"
expect_complaint sim/planted.c '#include <hdf5.h>' "may not know HDF5"
expect_pass data/planted.c '#include <hdf5.h>'
expect_complaint nn/planted.c 'void f(void) { exit(1); }' "end the process"
expect_complaint nn/planted.c '  if (x) abort ();' "end the process"
expect_complaint nn/planted.c 'printf("x");' "standard output"
expect_complaint nn/planted.c 'fprintf(stdout, "x");' "standard output"
expect_complaint base/command_other.c 'fputs("x", stdout);' "standard output"
expect_pass nn/planted.c '/* exit(1) */ // printf("x")'
expect_pass nn/planted.c 'snprintf(out, n, "exit(1) printf( stdout"); my_exit(3); _exit(2);'
expect_pass sim/m4_program.c $'#include "train/x.h"\nint main(void) {\n  printf("x");\n}'
expect_complaint sim/m4_library.c '#include "train/x.h"' "may not know train"
plant sim/m4_program_part.c 'void f(void) { printf("x"); }'
echo 'int main(void) { return 0; }' >"$tree/sim/m4_program.c"
"$here/check_sources.sh" "$tree" || { echo "refused a part of a program"; exit 1; }
expect_complaint sim/m4_other_part.c 'void f(void) { printf("x"); }' "standard output"
expect_complaint sim/program.c $'#include "train/x.h"\nint main(void) { return 0; }' "may not know train"

rm -rf "${tree:?}"/*
if "$here/check_sources.sh" "$tree" 2>/dev/null; then echo "an empty tree passed"; exit 1; fi
echo "all planted mistakes were found"
