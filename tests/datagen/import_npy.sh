#!/usr/bin/env bash
# A dataset, written by numpy as the reference's .npy folders, imported, and read back by h5py: the same facts. Also the
# committed folders in tests/data/npy. Usage: import_npy.sh M4_DATAGEN; 77: numpy or h5py is missing.
set -euo pipefail

datagen=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/tests/datagen
python=/usr/bin/python3
if ! $python -c 'import numpy, h5py' 2>/dev/null; then
  echo "python3-numpy or python3-h5py is not installed"
  exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PYTHONDONTWRITEBYTECODE=1
cd "$root"

# round NAME: NAME/made/shard-00000.h5 to .npy and back.
round() {
  local name=$scratch/$1
  $python "$here/dataset_to_npy.py" "$name/made/shard-00000.h5" "$name/npy"
  "$datagen" --quiet --from-npy "$name/npy" --out "$name/back"
  $python "$here/compare_datasets.py" "$name/made/shard-00000.h5" "$name/back/shard-00000.h5"
}

"$datagen" --quiet --config configs/datagen-demo.yaml --set scenarios=4 --set flows_per_scenario=150 --out "$scratch/many/made"
round many
# One flow: numpy makes arrays of rank 2 and 3 of its rows.
"$datagen" --quiet --config configs/datagen-demo.yaml --set scenarios=2 --set flows_per_scenario=1 --out "$scratch/one/made"
round one

"$datagen" --quiet --from-ns3 tests/data/ns3/trace_incast_pfc/dcqcn --from-ns3 tests/data/ns3/trace_incast_pfc/dctcp \
  --out "$scratch/ns3" 2>/dev/null
"$datagen" --quiet --from-npy tests/data/npy --out "$scratch/npy"
$python "$here/compare_datasets.py" "$scratch/ns3/shard-00000.h5" "$scratch/npy/shard-00000.h5"
