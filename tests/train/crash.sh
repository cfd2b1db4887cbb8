#!/usr/bin/env bash
# Training survives a crash and a full disk at any moment of its writing: the checkpoints that are there load, and the resumed run ends
# with the same bytes as one that was left alone.
# usage: crash.sh M4_TRAIN M4_CONVERT LIBCRASH DATASET MOMENTS     MOMENTS: how many moments to try, spread evenly
set -euo pipefail
m4_train=$1 m4_convert=$2 libcrash=$3 tries=$5
dataset=$(realpath "$4")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-crash.XXXXXX")
trap 'rm -rf "$work"' EXIT
export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0

settings=(--quiet --threads 1 --dataset "$dataset" --set dataset.n_samples_sampled=10 --set dataset.train_frac=0.8 --set model.hidden_size=4
  --set model.gcn_hidden_size=4 --set training.n_epochs=3 --set training.learning_rate=0.001 --set training.log_every_n_steps=1
  --set training.checkpoint_every_n_steps=2 --set training.save_top_k=1 --set training.sanity_val_samples=0)
run=runs/m4/version_0
start() { "$m4_train" "${settings[@]}"; }
broken() { (cd "$1" && env LD_PRELOAD="$libcrash" "$2" "$m4_train" "${settings[@]}") 2>"$1/stderr" || return $?; }

mkdir "$work/straight"
(cd "$work/straight" && start)
mkdir "$work/count"
broken "$work/count" CRASH_COUNT="$work/moments"
moments=$(cat "$work/moments")
cmp "$work/straight/$run/checkpoints/last.state.safetensors" "$work/count/$run/checkpoints/last.state.safetensors"
[ "$moments" -gt 100 ] || { echo "only $moments moments of writing were seen"; exit 1; }

# Every file with a final name is whole.
check_files() {
  local file
  for file in "$1"/checkpoints/{init,best,last}.safetensors; do
    if [ -e "$file" ]; then "$m4_convert" --from "$file" --to "$1/again.pt" || { echo "$file does not load"; exit 1; }; fi
  done
}

# Resumes what is there, or starts again where nothing was saved yet; the end must be the straight run's.
finish_and_compare() {
  local end=$run
  if [ -e "$run/checkpoints/last.state.safetensors" ]; then
    "$m4_train" --quiet --threads 1 --resume "$run"
  else
    start
    end=$(ls -d runs/m4/version_* | tail -1)
  fi
  cmp "$work/straight/$run/checkpoints/last.state.safetensors" "$end/checkpoints/last.state.safetensors"
  cmp "$work/straight/$run/checkpoints/best.safetensors" "$end/checkpoints/best.safetensors"
  cmp <(sed 's/"step_ms":[^,]*,//' "$work/straight/$run/metrics.jsonl") <(sed 's/"step_ms":[^,]*,//' "$end/metrics.jsonl")
  [ -z "$(find "$end" -name '*.tmp.*')" ] || { echo "temporary files stay behind"; exit 1; }
}

# try NAME VARIABLE CODE: the variable at evenly spread moments; the program must end with the code each time.
try() {
  local i at code folder resumed=0
  for ((i = 1; i <= tries; i++)); do
    at=$((moments * i / (tries + 1) + 1))
    folder=$work/$1.$at
    mkdir "$folder"
    code=0
    { broken "$folder" "$2=$at" || code=$?; } 2>/dev/null # bash itself would report every kill
    [ $code -eq "$3" ] || { echo "$1 at moment $at: exit code $code, not $3"; cat "$folder/stderr"; exit 1; }
    if [ "$3" -eq 4 ] && [ "$(grep -c 'error:' "$folder/stderr")" -ne 1 ]; then
      echo "$1 at moment $at: not one clear error"; cat "$folder/stderr"; exit 1
    fi
    if [ -e "$folder/$run" ]; then check_files "$folder/$run"; fi
    if [ -e "$folder/$run/checkpoints/last.state.safetensors" ]; then resumed=$((resumed + 1)); fi
    (cd "$folder" && finish_and_compare)
    rm -rf "$folder"
  done
  [ $resumed -gt $((tries / 2)) ] || { echo "$1: only $resumed of $tries could resume: the test proves too little"; exit 1; }
  echo "$1: $tries of $moments moments, $resumed resumed, same bytes"
}

try kill CRASH_AT 137
try full-disk FULL_AT 4

# A limit on the size of files that the run exceeds.
mkdir "$work/limit"
cd "$work/limit"
code=0
(ulimit -f 2 && start) 2>stderr || code=$?
[ $code -eq 4 ] && [ "$(grep -c 'error:' stderr)" -eq 1 ] || { echo "a limit on file sizes: exit code $code"; cat stderr; exit 1; }
[ -z "$(find . -name '*.tmp.*')" ] || { echo "temporary files stay behind"; exit 1; }
echo "limit on file sizes: one clear error"
