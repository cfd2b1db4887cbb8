#!/usr/bin/env bash
# Checks that all C sources are formatted as .clang-format says; without clang-format it only says so.
set -euo pipefail

cd "$(dirname "$0")/../.."
if ! command -v clang-format >/dev/null; then
  echo "clang-format is not installed: formatting is not checked"
  exit 0
fi
for room in base autograd nn infer sim data datagen train tests; do
  if [[ -d $room ]]; then find "$room" -type f \( -name '*.c' -o -name '*.h' \) -print0; fi
done | xargs -0 clang-format --dry-run -Werror
