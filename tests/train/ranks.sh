#!/usr/bin/env bash
# Training under mpirun: two ranks with batches of 1 end with the bytes of one process with batches of 2, whoever resumes whom; a signal, a
# full disk or a killed rank ends all ranks.
# usage: ranks.sh MPIEXEC M4_TRAIN LIBCRASH DATASET
set -euo pipefail
mpiexec=$1 m4_train=$2 libcrash=$3
dataset=$(realpath "$4")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-ranks.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
mpi=("$mpiexec" --allow-run-as-root --oversubscribe)

settings=(--threads 1 --dataset "$dataset" --set dataset.n_samples_sampled=20 --set dataset.train_frac=0.8 --set model.hidden_size=32
  --set model.gcn_hidden_size=48 --set training.n_epochs=40 --set training.keep_epochs=1 --set training.learning_rate=0.001 --set training.log_every_n_steps=1)
state() { echo "runs/$1/version_0/checkpoints/last.state.safetensors"; }
# Numbers of a safetensors file; its header holds the configuration, which differs.
numbers() { tail -c "+$((9 + $(od -An -N8 -tu8 "$1" | tr -d ' ')))" "$1"; }
same() {
  cmp <(numbers "$(state "$1")") <(numbers "$(state "$2")")
  cmp <(sed 's/"step_ms":[^,]*,//' "runs/$1/version_0/metrics.jsonl") <(sed 's/"step_ms":[^,]*,//' "runs/$2/version_0/metrics.jsonl")
}

"$m4_train" --quiet "${settings[@]}" --note one --set training.batch_size=2
"${mpi[@]}" -n 2 "$m4_train" "${settings[@]}" --note two --set training.batch_size=1 2>two.log
same one two
[ "$(grep -c '^run folder' two.log)" -eq 1 ] || { echo "both ranks talk"; cat two.log; exit 1; }
[ ! -e runs/two/version_1 ] || { echo "both ranks made a folder"; exit 1; }
echo "2 ranks x 1 and 1 rank x 2: same bytes"

"${mpi[@]}" -n 2 "$m4_train" --quiet "${settings[@]}" --note begun --set training.batch_size=1 --set training.max_steps=11
"$m4_train" --quiet --threads 1 --resume runs/begun/version_0 --set training.batch_size=2 --set training.max_steps=0
same one begun
echo "begun by 2 ranks, finished by 1: same bytes"

# wait_for_step NAME STEP PID
wait_for_step() {
  while kill -0 "$3" 2>/dev/null && ! grep -q "\"step\":$2," "runs/$1/version_0/metrics.jsonl" 2>/dev/null; do sleep 0.01; done
}

"${mpi[@]}" -n 2 "$m4_train" --quiet "${settings[@]}" --note stopped --set training.batch_size=1 &
pid=$!
wait_for_step stopped 5 $pid
kill -TERM $pid
code=0
wait $pid || code=$?
[ $code -ne 0 ] || { echo "mpirun reports success after SIGTERM"; exit 1; }
[ "$(grep -c '"kind":"step"' runs/stopped/version_0/metrics.jsonl)" -lt 300 ] || { echo "the run was not stopped early"; exit 1; }
[ -e "$(state stopped)" ] || { echo "nothing was saved"; exit 1; }
"${mpi[@]}" -n 2 "$m4_train" --quiet --threads 1 --resume runs/stopped/version_0
same one stopped
echo "SIGTERM: both ranks save and leave, resumed to the same bytes"

# The first rank's disk is full; a rank is killed.
code=0
"${mpi[@]}" -n 1 env LD_PRELOAD="$libcrash" FULL_AT=500 "$m4_train" --quiet "${settings[@]}" --note full --set training.batch_size=1 : \
  -n 1 "$m4_train" --quiet "${settings[@]}" --note full --set training.batch_size=1 2>full.log || code=$?
[ $code -eq 4 ] || { echo "a full disk on one rank: exit code $code, not 4"; cat full.log; exit 1; }
[ "$(grep -c 'm4-train: error:' full.log)" -eq 1 ] || { echo "not one clear error"; cat full.log; exit 1; }
code=0
"${mpi[@]}" -n 1 "$m4_train" --quiet "${settings[@]}" --note killed --set training.batch_size=1 : \
  -n 1 env LD_PRELOAD="$libcrash" sh -c 'echo $$ >second.pid; exec "$@"' second "$m4_train" --quiet "${settings[@]}" --note killed \
  --set training.batch_size=1 2>killed.log &
pid=$!
wait_for_step killed 3 $pid
kill -9 "$(cat second.pid)"
wait $pid || code=$?
[ $code -ne 0 ] || { echo "mpirun reports success after a rank was killed"; exit 1; }
echo "a full disk or a killed rank ends all ranks"
