#!/usr/bin/env bash
# Several devices share every batch: the bytes of one device, through NCCL (the one of the tests), through host memory, and under mpirun.
# usage: devices.sh M4_TRAIN PLUGIN NCCL DATASET [MPIEXEC]
set -euo pipefail
m4_train=$1 nccl=$3 mpiexec=${5:-}
export M4_CUDA_PLUGIN=$2
dataset=$(realpath "$4")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-devices.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0

settings=(--threads 2 --dataset "$dataset" --set dataset.n_samples_sampled=10 --set dataset.train_frac=0.8 --set model.hidden_size=8
  --set model.gcn_hidden_size=12 --set training.n_epochs=1 --set training.learning_rate=0.001 --set training.log_every_n_steps=1 --set dataset.max_events=40)
state() { echo "runs/$1/version_0/checkpoints/last.state.safetensors"; }
# Numbers of a safetensors file; its header holds the configuration, which differs.
numbers() { tail -c "+$((9 + $(od -An -N8 -tu8 "$1" | tr -d ' ')))" "$1"; }
same() {
  cmp <(numbers "$(state "$1")") <(numbers "$(state "$2")")
  cmp <(sed 's/"step_ms":[^,]*,//' "runs/$1/version_0/metrics.jsonl") <(sed 's/"step_ms":[^,]*,//' "runs/$2/version_0/metrics.jsonl")
}
train() { # NAME ARGUMENTS...
  "$m4_train" "${settings[@]}" --note "$@" 2>"$1.log" || { cat "$1.log"; exit 1; }
}

train one --device cuda:1 --set training.batch_size=4
M4_NCCL_LIBRARY=$nccl train nccl --set 'training.devices=[0, 1]' --set training.batch_size=4
same one nccl
grep -q 'device  cuda:0' nccl.log && grep -q 'device  cuda:1' nccl.log || { cat nccl.log; exit 1; }
if grep -q 'host memory' nccl.log; then echo "NCCL was not used"; cat nccl.log; exit 1; fi
echo "2 devices and 1 device: same bytes"

M4_NCCL_LIBRARY=/nowhere.so train host --set 'training.devices=[1, 0]' --set training.batch_size=4 --set training.accumulate_batches=1
same one host
grep -q 'gradients go through host memory: no NCCL: /nowhere.so' host.log || { echo "nothing is said about NCCL"; cat host.log; exit 1; }
echo "without NCCL: same bytes"

# A batch of 3 leaves the second device one sample; a whole epoch again, begun on two devices and ended on one.
train odd --device cuda --set training.batch_size=3
M4_NCCL_LIBRARY=$nccl train split --set 'training.devices=[0, 1]' --set training.batch_size=3 --set training.max_steps=1
"$m4_train" --quiet --resume runs/split/version_0 --set training.max_steps=0 --set 'training.devices=[1]' --set training.batch_size=3
same odd split
echo "uneven shares, begun on two and ended on one: same bytes"

code=0
"$m4_train" --quiet "${settings[@]}" --set 'training.devices=[0, 0]' 2>twice.log || code=$?
[ $code -eq 2 ] && grep -q 'names cuda:0 twice' twice.log || { echo "one device twice: exit code $code"; cat twice.log; exit 1; }
code=0
"$m4_train" --quiet "${settings[@]}" --set 'training.devices=[0, 9]' 2>absent.log || code=$?
[ $code -eq 4 ] && grep -q 'there is no device 9, only 2' absent.log || { echo "no such device: exit code $code"; cat absent.log; exit 1; }

if [ -n "$mpiexec" ]; then
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 M4_NCCL_LIBRARY=/nowhere.so
  "$mpiexec" --allow-run-as-root --oversubscribe -n 2 "$m4_train" --quiet "${settings[@]}" --note ranks --set 'training.devices=[0, 1]' \
    --set training.batch_size=2
  same one ranks
  echo "2 ranks of 2 devices: same bytes"

  # refused CODE PART DEVICE DEVICE: two ranks that cannot work together end at once.
  refused() {
    code=0
    timeout 60 "$mpiexec" --allow-run-as-root --oversubscribe -n 1 "$m4_train" --quiet "${settings[@]}" --device "$3" : \
      -n 1 "$m4_train" --quiet "${settings[@]}" --device "$4" 2>refused.log || code=$?
    [ $code -eq "$1" ] && grep -q "$2" refused.log || { echo "ranks on $3 and $4: exit code $code"; cat refused.log; exit 1; }
  }
  refused 4 'there is no device 9, only 2' cuda:0 cuda:9
  refused 2 '1 of 2 ranks compute on a GPU' cpu cuda:0
  echo "ranks that cannot add up are refused"
fi
