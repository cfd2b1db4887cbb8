#!/bin/sh
# same_ring.sh PYTHON RING.PY LIBRARY RING ARGUMENTS: the example says the same in Python as in C.
set -eu
python=$1 script=$2 library=$3 ring=$4
shift 4
from_python=$("$python" "$script" "$library" "$@")
from_c=$("$ring" "$@")
echo "$from_python"
[ -n "$from_c" ] && [ "$from_python" = "$from_c" ]
