#!/usr/bin/env bash
# Reads the sources of all rooms below a folder (default: this checkout) and complains about
#   - an #include of a room that this room may not know,
#   - HDF5 in a room below data,
#   - library code that ends the process or writes to standard output.
# Programs (m4_*.c with a main, and m4_*_part.c beside it) may join any rooms and may do both. Exit code 1 when there is a complaint.
set -euo pipefail

root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
here=$(cd "$(dirname "$0")" && pwd)
cd "$root"

# is_program FILE: m4_data.c has a main; m4_data_info.c is a part of that program.
is_program() {
  local stem=${1%.c}
  [[ $(basename "$1") == m4_*.c ]] || return 1
  while [[ $(basename "$stem") == m4_* ]]; do
    if [[ -f $stem.c ]] && grep -qE '^int main\(' "$stem.c"; then return 0; fi
    stem=${stem%_*}
  done
  return 1
}

sources=()
while IFS= read -r file; do
  if is_program "$file"; then continue; fi
  sources+=("$file")
done < <(find base autograd nn infer sim data datagen train -type f \
  \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.cu' -o -name '*.cuh' \) 2>/dev/null | LC_ALL=C sort)
if [[ ${#sources[@]} -eq 0 ]]; then
  echo "no sources below $root" >&2
  exit 1
fi

exec awk -f "$here/check_sources.awk" "${sources[@]}"
