#!/usr/bin/env bash
# Training is exact: killed and resumed, on 1 or 2 threads, with and without recomputation, the final weights are the same bytes.
# Half of the samples have departures of the model's own, which depend on the weights of the moment.
# usage: resume.sh M4_TRAIN DATASET
set -euo pipefail
m4_train=$1
dataset=$(realpath "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-resume.XXXXXX")
trap 'rm -rf "$work"' EXIT

settings=(--set dataset.n_samples_sampled=40 --set dataset.train_frac=0.8 --set model.hidden_size=16 --set model.gcn_hidden_size=24
  --set training.n_epochs=3 --set training.learning_rate=0.001 --set training.log_every_n_steps=1
  --set training.checkpoint_every_n_steps=5 --set training.own_departures=0.5 --set training.weight_every=1)
weights=runs/m4/version_0/checkpoints/last.safetensors
log=runs/m4/version_0/metrics.jsonl

# run NAME ARGUMENTS...: a whole training in a folder of its own, so that relative names in the configuration agree
run() {
  mkdir -p "$work/$1"
  (cd "$work/$1" && "$m4_train" --quiet --dataset "$dataset" "${settings[@]}" "${@:2}")
}
# The numbers at the end of a file; the header before them holds the configuration.
numbers() { tail -c "$(stat -c %s "$work/straight/runs/m4/version_0/numbers")" "$1"; }

run straight --threads 1
# Bytes of all numbers: what is left after the 8-byte length and the header.
file=$work/straight/$weights
header=$(od -An -N8 -tu8 "$file" | tr -d ' ')
tail -c "+$((9 + header))" "$file" >"$work/straight/runs/m4/version_0/numbers"

run threads --threads 2
cmp "$work/straight/$weights" "$work/threads/$weights"
echo "1 and 2 threads: same bytes"

run segments --threads 2 --set training.segment_budget_mib=0
cmp <(numbers "$work/straight/$weights") <(numbers "$work/segments/$weights")
run short --threads 2 --set training.segment_budget_mib=1
cmp <(numbers "$work/straight/$weights") <(numbers "$work/short/$weights")
echo "with and without recomputation: same numbers"

# Kill -9 again and again, each time a few steps further.
mkdir -p "$work/killed"
cd "$work/killed"
kills=0
for limit in 7 13 22 31; do
  if [ -d runs/m4/version_0 ]; then start=(--resume runs/m4/version_0); else start=(--dataset "$dataset" "${settings[@]}"); fi
  "$m4_train" --quiet --threads 2 "${start[@]}" &
  pid=$!
  while kill -0 $pid 2>/dev/null && ! grep -q "\"step\":$limit," "$log" 2>/dev/null; do sleep 0.005; done
  if kill -9 $pid 2>/dev/null; then kills=$((kills + 1)); fi
  wait $pid 2>/dev/null || true
done
"$m4_train" --quiet --threads 1 --resume runs/m4/version_0
cmp "$work/straight/$weights" "$weights"
cmp "$work/straight/runs/m4/version_0/checkpoints/last.state.safetensors" runs/m4/version_0/checkpoints/last.state.safetensors
cmp "$work/straight/runs/m4/version_0/checkpoints/best.safetensors" runs/m4/version_0/checkpoints/best.safetensors
[ "$kills" -ge 2 ] || { echo "only $kills runs could be killed: the test proves too little"; exit 1; }
echo "killed $kills times and resumed: same bytes"

# Ctrl-C or SIGTERM in the middle of an epoch, also between the batches of a step: saves, exits 130 or 143; resuming gives the same bytes.
# stop SIGNAL CODE ARGUMENTS...
stop() {
  mkdir -p "$work/stopped.$1"
  cd "$work/stopped.$1"
  "$m4_train" --quiet --threads 2 --dataset "$dataset" "${settings[@]}" "${@:3}" &
  pid=$!
  while ! grep -q '"step":9,' "$log" 2>/dev/null; do sleep 0.005; done
  kill -"$1" $pid
  code=0
  wait $pid || code=$?
  [ $code -eq "$2" ] || { echo "exit code after SIG$1 is $code, not $2"; exit 1; }
  "$m4_train" --quiet --threads 2 --resume runs/m4/version_0
}
stop TERM 143
cmp "$work/straight/$weights" "$weights"
run accumulated --threads 1 --set training.batch_size=1 --set training.accumulate_batches=2
cmp <(numbers "$work/straight/$weights") <(numbers "$work/accumulated/$weights")
stop INT 130 --set training.batch_size=1 --set training.accumulate_batches=2
cmp "$work/accumulated/$weights" "$weights"
echo "stopped and resumed: same bytes"
