#!/usr/bin/env bash
# Checks that all C sources are formatted as .clang-format says; without clang-format it only says so.
set -euo pipefail

cd "$(dirname "$0")/../.."
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed: formatting is not checked"
  exit 0
fi
find base autograd nn infer sim data datagen train tests -type f \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null |
  xargs -0 clang-format --dry-run -Werror
