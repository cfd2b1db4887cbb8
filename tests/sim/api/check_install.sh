#!/bin/sh
# check_install.sh BUILD EXAMPLES CC CFLAGS TOPOLOGY CONFIG: installs into a folder of its own, then builds and runs the
# examples there as a user would, with pkg-config alone: once with the shared library, once with the static one.
set -eu
build=$1 examples=$2 cc=$3 cflags=$4 topology=$5 config=$6
prefix=$(mktemp -d "${TMPDIR:-/tmp}/m4-install.XXXXXX")
trap 'rm -rf "$prefix"' EXIT
DESTDIR= cmake --install "$build" --prefix "$prefix" >/dev/null
library=$(dirname "$(find "$prefix" -name m4sim.pc)")
PKG_CONFIG_PATH=$library
export PKG_CONFIG_PATH
libdir=$(pkg-config --variable=libdir m4sim)
[ "${libdir#"$prefix"}" != "$libdir" ] || { echo "m4sim.pc speaks of $libdir, installed to $prefix" >&2; exit 1; }
[ "$(find "$prefix" -name '*.h' | wc -l)" = 1 ] || { echo "more than one header was installed" >&2; exit 1; }
if pkg-config --static --libs m4sim | grep -i hdf5; then echo "m4sim.pc asks for HDF5" >&2; exit 1; fi

for example in ring astra; do
  # shellcheck disable=SC2046,SC2086
  "$cc" $cflags "$examples/$example.c" $(pkg-config --cflags --libs m4sim) -lm -o "$prefix/$example-shared"
  # the static library by its name: the linker would take the shared one
  # shellcheck disable=SC2046,SC2086
  "$cc" $cflags "$examples/$example.c" $(pkg-config --cflags m4sim) \
    $(pkg-config --static --libs m4sim | sed 's/-lm4sim/-l:libm4sim.a/') -o "$prefix/$example-static"
  if ldd "$prefix/$example-static" | grep -E 'm4sim|hdf5'; then echo "$example-static is not static" >&2; exit 1; fi
  for backend in flowsim packet; do
    shared=$(LD_LIBRARY_PATH=$libdir "$prefix/$example-shared" "$topology" "$config" $backend)
    static=$("$prefix/$example-static" "$topology" "$config" $backend)
    [ -n "$shared" ] && [ "$shared" = "$static" ] || { echo "$example: $shared / $static" >&2; exit 1; }
    echo "$example $backend: $shared" | tail -1
  done
done
