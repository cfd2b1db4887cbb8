#!/usr/bin/env bash
# Several scenarios in one model step: the same completion times as alone, whatever the stack and the threads. And on a device
# (the plug-in over a CUDA runtime on the host): within 1e-4 of the CPU, the same bits in two runs, whatever the stack.
# usage: stacked.sh M4_SIM FAR_PLUGIN WEIGHTS NS3 [loose]      loose: rows depend on the rows multiplied with them (OpenBLAS)
set -euo pipefail
program=$1 plugin=$2 weights=$3 ns3=$4 loose=${5:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-stacked.XXXXXX")
trap 'rm -rf "$work"' EXIT
names="dcqcn dctcp_pfc1_buf160 dctcp"
folders=(--scenario "$ns3/parkinglot5_mix/dcqcn" --scenario "$ns3/incast8/dctcp_pfc1_buf160" --scenario "$ns3/single/dctcp")

# simulate OUT OPTIONS...
simulate() {
  local out=$work/$1
  shift
  "$program" --quiet "${folders[@]}" --backend m4 --checkpoint "$weights" --out "$out" "$@"
}

# compare A B: every flow's completion time within 1e-4, as nanoseconds of flows.csv.
compare() {
  for name in $names; do
    join -t, <(tail -n +2 "$work/$1/$name/flows.csv" | sort -t, -k1,1) <(tail -n +2 "$work/$2/$name/flows.csv" | sort -t, -k1,1) |
      awk -F, -v column="$(head -1 "$work/$1/$name/flows.csv" | tr ',' '\n' | grep -n '^fct_ns$' | cut -d: -f1)" -v what="$1, $name" '
        { half = (NF + 1) / 2; a = $column; b = $(column + half - 1); d = a > b ? a - b : b - a; n++; if (d > worst * b) worst = d / b }
        END { if (n < 8 || worst > 1e-4) { print what ": " n " flows, " worst " apart"; exit 1 } }'
  done
}

same() {
  for name in $names; do cmp "$work/$1/$name/fct.txt" "$work/$2/$name/fct.txt"; done
}

larger=(--scenario "$ns3/eval_public/1")
simulate alone "${larger[@]}" --device cpu --threads 1 --set sim.stack=1
names="$names 1"
for stack in 2 3; do simulate "stack$stack" "${larger[@]}" --device cpu --threads 1 --set sim.stack=$stack; done
simulate threads2 "${larger[@]}" --device cpu --threads 2 --set sim.stack=2
for other in stack2 stack3 threads2; do if [[ $loose ]]; then compare $other alone; else same $other alone; fi; done

# A stack of more scenarios than files may be open.
many=()
for ((i = 0; i < 60; i++)); do
  ln -s "$ns3/single/dctcp" "$work/many$i"
  many+=(--scenario "$work/many$i")
done
(ulimit -n 40 && "$program" --quiet "${many[@]}" --backend m4 --checkpoint "$weights" --device cpu --threads 1 --set sim.stack=60 --out "$work/many")

export M4_CUDA_PLUGIN=$plugin
names=${names% 1}
simulate device --device cuda
simulate device_again --device cuda
simulate device_alone --device cuda --set sim.stack=1
compare device alone
same device device_again
same device device_alone

status=0
"$program" "${folders[@]}" --backend m4 --checkpoint "$weights" --out "$work/x" --set sim.stack=many 2>"$work/error" || status=$?
[[ $status = 2 ]]
grep -q 'sim.stack: "many" is neither auto nor a number' "$work/error"
status=0
"$program" "${folders[@]}" --backend flowsim --device cuda --out "$work/x" 2>"$work/error" || status=$?
[[ $status = 2 ]]
grep -q -- '--device: cuda: only the m4 back end runs on a GPU' "$work/error"
status=0
M4_CUDA_PLUGIN=$work/none.so "$program" "${folders[@]}" --backend m4 --checkpoint "$weights" --out "$work/x" --device cuda 2>"$work/error" || status=$?
[[ $status = 4 ]]
grep -q 'no CUDA backend' "$work/error"
echo "stacked as alone; a device as the CPU"
