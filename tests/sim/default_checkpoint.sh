#!/usr/bin/env bash
# m4-sim without --checkpoint: one clear error where no weights came with it, else the same as naming them.
# usage: default_checkpoint.sh M4_SIM WEIGHTS SCENARIO
set -euo pipefail
program=$1 weights=$2 scenario=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin" "$work/share/m4"
cp "$program" "$work/bin/m4-sim"

status=0
"$work/bin/m4-sim" --scenario "$scenario" --backend m4 --out "$work/none" >/dev/null 2>"$work/error" || status=$?
[ $status = 2 ]
grep -q -- '--checkpoint: missing' "$work/error"

cp "$weights" "$work/share/m4/compact.safetensors"
"$work/bin/m4-sim" --scenario "$scenario" --backend m4 --out "$work/shipped" 2>"$work/log" >&2
grep -q 'share/m4/compact.safetensors' "$work/log"
"$work/bin/m4-sim" --scenario "$scenario" --backend m4 --checkpoint "$weights" --out "$work/named" --quiet
cmp "$work/shipped/fct.txt" "$work/named/fct.txt"
echo "default weights: as named ones"
