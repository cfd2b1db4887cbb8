#!/usr/bin/env bash
# Wrong options and damaged files, through the programs: one clear error naming the file, the right exit code, never a crash or a hang.
# usage: hostile.sh M4_DATAGEN M4_TRAIN M4_TEST M4_SIM M4_DATA      (in the root of the checkout)
set -euo pipefail
datagen=$1 train=$2 tester=$3 sim=$4 data=$5
programs=("$datagen" "$train" "$tester" "$sim")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-hostile.XXXXXX")
trap 'rm -rf "$work"' EXIT
# HDF5 1.10 itself leaks a block when a checksum of its own structures is wrong; open objects of ours are counted in test_dataset_damage.
echo 'leak:libhdf5' >"$work/suppressions"
export LSAN_OPTIONS=suppressions=$work/suppressions:print_suppressions=0
RANDOM=2301 # the damage is the same in every run
runs=0
failures=0

# expect CODES PLACE COMMAND...: the exit code is one of CODES ("0 3"); an error is one line that mentions PLACE.
expect() {
  local codes=$1 place=$2 code=0 problem=
  shift 2
  timeout -k 5 60 "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  runs=$((runs + 1))
  if [[ " $codes " != *" $code "* ]]; then problem="exit code $code, not one of: $codes"
  elif grep -aqE 'Sanitizer|runtime error:' "$work/err"; then problem="a sanitizer speaks"
  elif [[ $code -ne 0 && $(grep -acE '^(m4-[a-z ]+: )?error: ' "$work/err") -ne 1 ]]; then problem="not exactly one error line"
  elif [[ $code -ne 0 ]] && ! grep -aE '^(m4-[a-z ]+: )?error: ' "$work/err" | grep -aqF -- "$place"; then problem="does not name $place"; fi
  [[ $problem ]] || return 0
  failures=$((failures + 1))
  printf 'FAILED: %s\n  %s\n' "$problem" "$*"
  head -c 2000 "$work/err"
}

# flip FILE: flips one to three bits somewhere.
flip() {
  local size position byte count
  size=$(stat -c %s "$1")
  for ((count = RANDOM % 3; count >= 0; count--)); do
    position=$(((RANDOM * 32768 + RANDOM) % size))
    byte=$(od -An -tu1 -j "$position" -N 1 "$1")
    printf '%b' "$(printf '\\x%02x' $((byte ^ (1 << RANDOM % 8))))" | dd of="$1" bs=1 seek="$position" conv=notrunc status=none
  done
}

# ---- command lines ----
for program in "${programs[@]}"; do
  expect 0 "" "$program" --help
  expect 0 "" "$program" --help config
  expect 0 "" "$program" --version
  expect 2 "--no-such-option" "$program" --no-such-option
  expect 2 "--threads" "$program" --threads
  expect 2 "--threads" "$program" --threads many
  expect 2 "--seed" "$program" --seed 99999999999999999999
  expect 2 "stray" "$program" stray
  expect 2 "no.such.key" "$program" --set no.such.key=1
  expect 4 "$work/nowhere.yaml" "$program" --config "$work/nowhere.yaml"
done
expect 2 "--scenario" "$sim"
expect 2 "--backend" "$sim" --scenario "$work" --backend magic --out "$work/sim"

# ---- configuration files ----
for program in "${programs[@]}"; do
  first=()
  if [[ $program == "$datagen" ]]; then first=(--config configs/datagen-demo.yaml); fi
  "$program" "${first[@]}" --print-config >"$work/good.yaml"
  "$program" --config "$work/good.yaml" --print-config >"$work/again.yaml"
  runs=$((runs + 1))
  cmp "$work/good.yaml" "$work/again.yaml" || failures=$((failures + 1))
  for ((round = 0; round < 30; round++)); do
    cp "$work/good.yaml" "$work/flipped.yaml"
    flip "$work/flipped.yaml"
    expect "0 2" flipped.yaml "$program" --config "$work/flipped.yaml" --print-config
  done
done
# refuse TEXT: a configuration with a mistake (printf format)
refuse() {
  # shellcheck disable=SC2059
  printf "$1" >"$work/bad.yaml"
  expect 2 bad.yaml "$train" --config "$work/bad.yaml" --print-config
}
refuse 'a: &x [1]\nb: *x\n'
refuse '\000\001\002'
refuse 'training:\n\tbatch_size: 1\n'
refuse 'training:\n  batch_size: x\n'
refuse 'training:\n  batchsize: 2\n'
refuse 'training:\n  batch_size: 99999999999999999999\n'
refuse 'training:\n  learning_rate: .nan\n'
refuse 'training: {batch_size: 2, batch_size: 2}\n'
refuse 'training: [\n'
refuse 'training: 3\n'
refuse '\055 1\n'
refuse 'note: "\377\376"\n'
refuse "$(printf '[%.0s' {1..5000})"
refuse "$(printf 'a%.0s' {1..1100000})"
expect 4 "$work" "$train" --config "$work" --print-config
expect 4 /dev/zero "$train" --config /dev/zero --print-config
mkfifo "$work/fifo"
expect 4 "$work/fifo" "$train" --config "$work/fifo" --print-config

# ---- scenario folders ----
scenario=$work/scenario
good=tests/data/ns3/two_share/dctcp
fresh() { rm -rf "$scenario" && cp -r "$good" "$scenario"; }
simulate() { "$@" "$sim" --quiet --scenario "$scenario" --out "$work/sim" --backend "$backend"; } # simulate expect CODES PLACE
for backend in packet flowsim; do
  for name in topology.txt flows.txt config.txt; do
    fresh && rm "$scenario/$name" && simulate expect 4 "$name"
    fresh && : >"$scenario/$name"
    # an empty config.txt is a list without settings: the packet simulator misses them, flowSim needs none
    if [[ $name == config.txt ]]; then simulate expect "0 3" "$name"; else simulate expect 3 "$name"; fi
    fresh && gzip "$scenario/$name" && truncate -s -9 "$scenario/$name.gz" && simulate expect 3 "$name"
    for ((round = 0; round < 30; round++)); do
      fresh
      flip "$scenario/$name"
      simulate expect "0 3" "scenario"
    done
  done
  for line in "1 8 8 3 100 1000000 1.0" "1 0 99 3 100 1000000 1.0" "1 0 8 3 100 -5 1.0" "1 0 8 3 100 nan 1.0" "1 0 8 3 100 1000000 -1"; do
    fresh && printf '1\n%s\n' "${line/#1/0}" >"$scenario/flows.txt" && simulate expect 3 flows.txt
  done
  fresh && sed -i '1s/.*/999999999999/' "$scenario/flows.txt" && simulate expect 3 flows.txt
  fresh && sed -i '1s/.*/999999999 1 9/' "$scenario/topology.txt" && simulate expect 3 topology.txt
done

# ---- a small dataset and a small trained model ----
"$datagen" --quiet --config configs/datagen-demo.yaml --out "$work/data" --set scenarios=2 --set scenarios_per_shard=2 \
  --set flows_per_scenario=60
settings=(--quiet --set dataset.n_samples_sampled=8 --set model.hidden_size=8 --set model.gcn_hidden_size=8 --set training.n_epochs=1)
"$train" "${settings[@]}" --dataset "$work/data" --out "$work/runs"
shard=$work/shard.h5
run=$work/runs/m4/version_0
best=$run/checkpoints/best.safetensors

# ---- HDF5 ----
# read_shard CODES: training on, testing on and looking into a damaged shard
read_shard() {
  expect "$1" shard.h5 "$train" "${settings[@]}" --dataset "$shard" --out "$work/damaged"
  expect "$1" shard.h5 "$tester" --quiet --checkpoint "$best" --dataset "$shard" --out "$work/test"
  expect "$1" shard.h5 "$data" info --quiet --dataset "$shard"
  expect "$1" shard.h5 "$data" check --quiet --dataset "$shard"
}
size=$(stat -c %s "$work/data/shard-00000.h5")
for kept in 0 1 7 100 $((size / 2)) $((size - 1)); do
  head -c "$kept" "$work/data/shard-00000.h5" >"$shard"
  read_shard 3
done
for ((round = 0; round < 30; round++)); do
  cp "$work/data/shard-00000.h5" "$shard"
  flip "$shard"
  read_shard "0 3"
done
rm "$shard"
read_shard 4

# ---- safetensors ----
weights=$work/weights.safetensors
fresh
# read_weights CODES: simulating and testing with damaged weights (5: numbers that became infinite)
read_weights() {
  expect "$1" weights.safetensors "$sim" --quiet --scenario "$scenario" --backend m4 --checkpoint "$weights" --out "$work/sim"
  expect "$1" weights.safetensors "$tester" --quiet --checkpoint "$weights" --dataset "$work/data" --out "$work/test"
}
size=$(stat -c %s "$best")
for kept in 0 1 7 8 9 1000 $((size / 2)) $((size - 1)); do
  head -c "$kept" "$best" >"$weights"
  read_weights 3
done
for header in '\377\377\377\377\377\377\377\377{}' '\377\377\377\177\0\0\0\0{}' '\2\0\0\0\0\0\0\0{}' '\2\0\0\0\0\0\0\0[]'; do
  # shellcheck disable=SC2059
  printf "$header" >"$weights"
  read_weights 3
done
for ((round = 0; round < 30; round++)); do
  cp "$best" "$weights"
  flip "$weights"
  read_weights "0 3 5"
done
rm "$weights"
read_weights 4

# ---- the files of a run ----
for name in config.yaml data_list.json checkpoints/last.state.safetensors; do
  codes=3
  if [[ $name == config.yaml ]]; then codes="2 3"; fi
  rm -rf "$work/broken" && cp -r "$run" "$work/broken"
  truncate -s $(($(stat -c %s "$run/$name") / 2)) "$work/broken/$name"
  expect "$codes" "$(basename "$name")" "$train" --quiet --resume "$work/broken"
done

echo "$runs runs, $failures failures"
[[ $failures -eq 0 ]]
