#!/usr/bin/env bash
# m4-train and m4-test on a device whose memory the host cannot touch: the losses and predictions of the CPU, the same bytes with and
# without recomputation and after a stop; what is said when there is no device.
# usage: device.sh M4_TRAIN M4_TEST PLUGIN OLD_PLUGIN DATASET
set -euo pipefail
m4_train=$1 m4_test=$2 plugin=$3 old_plugin=$4
dataset=$(realpath "$5")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-device.XXXXXX")
trap 'rm -rf "$work"' EXIT
export M4_CUDA_PLUGIN=$plugin

settings=(--set dataset.n_samples_sampled=16 --set dataset.train_frac=0.75 --set model.hidden_size=16 --set model.gcn_hidden_size=24
  --set training.n_epochs=2 --set training.learning_rate=0.001 --set training.log_every_n_steps=1 --set training.clip_norm=0.5
  --set training.checkpoint_every_n_steps=2 --set training.sanity_val_samples=0)
weights=runs/m4/version_0/checkpoints/last.safetensors
state=runs/m4/version_0/checkpoints/last.state.safetensors
log=runs/m4/version_0/metrics.jsonl

# run NAME ARGUMENTS...: a whole training in a folder of its own
run() {
  mkdir -p "$work/$1"
  (cd "$work/$1" && "$m4_train" --dataset "$dataset" "${settings[@]}" "${@:2}" 2>"$work/$1.txt") || { cat "$work/$1.txt"; exit 1; }
}
# The numbers of a file; the header before them holds the configuration.
numbers() { tail -c "+$((9 + $(od -An -N8 -tu8 "$1" | tr -d ' ')))" "$1"; }
# close WHAT FILE FILE: numbers line by line, relative 1e-4
close() {
  paste "$2" "$3" | awk -v what="$1" '
    function size(x) { return x < 0 ? -x : x }
    !(size($1 - $2) <= 1e-4 * size($2) + 1e-9) { print what ": " $1 " and " $2; bad = 1 }
    END { if (NR == 0) print what ": nothing to compare"; exit bad || NR == 0 }'
}

# ---- the same training ----
run cpu --device cpu
run straight --device cuda
for name in cpu straight; do grep -o '"loss":[^,]*' "$work/$name/$log" | cut -d: -f2 >"$work/$name.losses"; done
close "losses" "$work/straight.losses" "$work/cpu.losses"
echo "losses on the CPU and on the device agree"

run segments --threads 2 --set training.device=cuda:0 --set training.segment_budget_mib=1 --profile
cmp <(numbers "$work/straight/$state") <(numbers "$work/segments/$state")
echo "with recomputation, from run to run: same numbers"

# ---- stopped and resumed ----
mkdir "$work/stopped"
cd "$work/stopped"
"$m4_train" --quiet --dataset "$dataset" "${settings[@]}" --device cuda &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q '"step":5,' "$log" 2>/dev/null; do sleep 0.01; done
code=0
kill -TERM $pid
wait $pid || code=$?
[ $code -eq 143 ] || { echo "exit code after SIGTERM is $code, not 143"; exit 1; }
"$m4_train" --quiet --resume runs/m4/version_0
cmp "$work/straight/$weights" "$weights"
cmp "$work/straight/$state" "$state"
echo "stopped and resumed: same bytes"

# ---- testing ----
cd "$work"
for device in cpu cuda; do
  "$m4_test" --quiet --run "$work/cpu/runs/m4/version_0" --device $device --out "$work/test.$device" >/dev/null
  cut -d, -f10 "$work/test.$device/flows.csv" | tail -n +2 >"$work/test.$device.slowdowns"
  for head in size queue; do cut -d, -f5 "$work/test.$device/$head.csv" | tail -n +2 >"$work/test.$device.$head"; done
done
for column in slowdowns size queue; do close "$column" "$work/test.cuda.$column" "$work/test.cpu.$column"; done
echo "m4-test on the CPU and on the device: same numbers"

# ---- what is said ----
# says TEXT ARGUMENTS...: a dry run works and says this once
says() {
  "$m4_train" --dry-run --dataset "$dataset" "${settings[@]}" "${@:2}" 2>said.txt || { cat said.txt; exit 1; }
  [ "$(grep -c "$1" said.txt)" -eq 1 ] || { echo "not said once: $1"; cat said.txt; exit 1; }
}
# refuses CODE TEXT ARGUMENTS...
refuses() {
  code=0
  "$m4_train" --dry-run --dataset "$dataset" "${settings[@]}" "${@:3}" 2>said.txt || code=$?
  [ $code -eq "$1" ] && grep -q "$2" said.txt || { echo "exit code $code, not $1 with: $2"; cat said.txt; exit 1; }
}
says "device  cuda:0$"
says "device  cpu$" --device cpu
says "device  cpu$" --set training.precision=float64
M4_CUDA_PLUGIN=/nowhere/libm4cuda.so says "device  cpu (no CUDA backend: /nowhere/libm4cuda.so"
M4_CUDA_PLUGIN=$old_plugin says "device  cpu (no CUDA backend: libm4cuda.so is of version"
M4_FAR_FAULT=open says "device  cpu (no CUDA backend: no device"
M4_FAR_FAULT=open refuses 4 "no CUDA backend: no device" --device cuda
refuses 4 "no device 7" --set training.device=cuda:7
refuses 2 "not known" --set training.device=gpu
refuses 2 "training.precision float64 needs cpu" --device cuda --set training.precision=float64
M4_FAR_FAULT=job:100 refuses 4 "cuda:0: waiting for the device: an illegal memory access" --device cuda
M4_FAR_FAULT=job:1500 refuses 4 "cuda:0: waiting for the device: an illegal memory access" --device cuda
echo "messages: as expected"
