#!/bin/sh
# check_shared.sh LIBRARY: it shows the functions of m4_sim.h and nothing else of ours, and needs no HDF5.
set -eu
if readelf -d "$1" | grep -i 'NEEDED.*hdf5'; then
  echo "libm4sim.so needs HDF5" >&2
  exit 1
fi
shown=$(nm -D --defined-only "$1" | awk '$2 == "T" {print $3}')
echo "$shown" | grep -q '^m4_sim_create$'
if echo "$shown" | grep -v '^m4_sim_'; then
  echo "libm4sim.so shows functions that are not in m4_sim.h" >&2
  exit 1
fi
