#!/usr/bin/env bash
# Reads the sources of all rooms below a folder (default: this checkout) and complains about
#   - an #include of a room that this room may not know,
#   - HDF5 in a room below data,
#   - library code that ends the process or writes to standard output.
# Programs (m4_*.c with a main) may join any rooms and may do both. Exit code 1 when there is a complaint.
set -euo pipefail

root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
here=$(cd "$(dirname "$0")" && pwd)
cd "$root"

sources=()
while IFS= read -r file; do
  if [[ $(basename "$file") == m4_*.c ]] && grep -qE '^int main\(' "$file"; then continue; fi
  sources+=("$file")
done < <(find base autograd nn infer sim data datagen train -type f \
  \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null | LC_ALL=C sort)
if [[ ${#sources[@]} -eq 0 ]]; then
  echo "no sources below $root" >&2
  exit 1
fi

exec awk -f "$here/check_sources.awk" "${sources[@]}"
