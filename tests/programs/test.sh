#!/usr/bin/env bash
# m4-test from outside: one and several checkpoints, tables, figures, lists of a run, weights that are no numbers.
# usage: test.sh M4_DATAGEN M4_TRAIN M4_TEST      (in the root of the checkout)
set -euo pipefail
datagen=$1 train=$2 tester=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0
problem() { echo "FAILED: $*" && failures=$((failures + 1)); }

# expect CODE WORDS COMMAND...: the exit code is CODE, and output or error mentions WORDS.
expect() {
  local wanted=$1 words=$2 code=0
  shift 2
  "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  if [[ $code -ne $wanted ]]; then problem "exit code $code, not $wanted: $*" && cat "$work/err"; fi
  if [[ $words ]] && ! grep -aqF -- "$words" "$work/out" "$work/err"; then problem "does not say \"$words\": $*"; fi
}
columns() { head -1 "$1" | tr ',' '\n' | wc -l; }

"$datagen" --quiet --config configs/datagen-demo.yaml --out "$work/data" --set scenarios=2 --set scenarios_per_shard=2 \
  --set flows_per_scenario=60
"$train" --quiet --dataset "$work/data" --out "$work/runs" --set dataset.n_samples_sampled=30 --set dataset.train_frac=0.6 \
  --set model.hidden_size=8 --set model.gcn_hidden_size=8 --set training.n_epochs=1
run=$work/runs/m4/version_0
best=$run/checkpoints/best.safetensors

# ---- one model ----
expect 0 "flowSim" "$tester" --quiet --run "$run" --out "$work/one"
for file in flows.csv size.csv queue.csv summary.json models.csv buckets.csv; do [[ -s $work/one/$file ]] || problem "no $file"; done
[[ ! -e $work/one/plots ]] || problem "figures nobody asked for"
for by in "flow size" "flows in the busy period" "flows active" "load of the busiest link" "congestion control"; do
  grep -qF "$by" "$work/out" || problem "no table by $by"
done
expect 0 "" "$tester" --quiet --run "$run" --on-train --out "$work/train"
tested=$(wc -l <"$work/one/flows.csv") trained=$(wc -l <"$work/train/flows.csv")
[[ $tested -ne $trained ]] || problem "--on-train tests the test list"
expect 0 "" "$tester" --quiet --run "$run" --out "$work/again" --threads 2
for file in flows.csv size.csv queue.csv models.csv buckets.csv; do
  cmp "$work/one/$file" "$work/again/$file" || problem "$file depends on the number of threads"
done
expect 0 "" "$tester" --quiet --checkpoint "$best" --dataset "$work/data" --set test.max_samples=5 --out "$work/five"
expect 0 "5 busy periods" "$tester" --quiet --checkpoint "$best" --dataset "$work/data" --set test.max_samples=5 --out "$work/five"

# ---- several models: unique names, a folder each, one table ----
mkdir "$work/copy" && cp "$best" "$work/copy/best.safetensors"
expect 0 "copy/best" "$tester" --quiet --dataset "$work/data" --checkpoint "$best" --checkpoint "$work/copy/best.safetensors" \
  --out "$work/two" --plots
for folder in version_0-best copy-best; do [[ -s $work/two/$folder/flows.csv ]] || problem "no results in $folder"; done
[[ $(wc -l <"$work/two/models.csv") -eq 4 ]] || problem "models.csv does not list flowSim and two models"
[[ $(columns "$work/two/models.csv") -eq $(sed -n 2p "$work/two/models.csv" | tr ',' '\n' | wc -l) ]] || problem "models.csv: flowSim's row"
[[ $(columns "$work/two/models.csv") -eq $(sed -n 3p "$work/two/models.csv" | tr ',' '\n' | wc -l) ]] || problem "models.csv: a model's row"
cmp "$work/two/version_0-best/flows.csv" "$work/two/copy-best/flows.csv" || problem "the same weights predict differently"
for figure in error_cdf predicted_vs_true slowdown_1KB_200KB mean_by_size mean_by_period p90_by_active mean_by_load mean_by_cc size_error queue_error; do
  [[ -s $work/two/plots/$figure.csv ]] || problem "no $figure.csv"
  if command -v gnuplot >/dev/null; then
    [[ -s $work/two/plots/$figure.svg && -s $work/two/plots/$figure.png ]] || problem "no picture of $figure"
  fi
done
mkdir "$work/empty"
expect 0 "gnuplot is not installed" env PATH="$work/empty" "$tester" --run "$run" --out "$work/plain" --plots
expect 0 "" "$tester" --quiet --dry-run --dataset "$work/data" --checkpoint "$best"

# ---- mistakes ----
head -c -4 "$best" >"$work/nan.safetensors" && printf '\000\000\300\177' >>"$work/nan.safetensors"
expect 5 "nan.safetensors: tensor" "$tester" --quiet --checkpoint "$work/nan.safetensors" --dataset "$work/data" --out "$work/nan"
expect 2 "no folder for the results" "$tester" --run "$run"
expect 2 "no weights given" "$tester" --dataset "$work/data" --out "$work/x"
expect 2 "no dataset given" "$tester" --checkpoint "$best" --out "$work/x"
expect 2 "--on-train" "$tester" --checkpoint "$best" --dataset "$work/data" --on-train --out "$work/x"
expect 4 "no CUDA backend" env M4_CUDA_PLUGIN=/nowhere/libm4cuda.so "$tester" --checkpoint "$best" --dataset "$work/data" --device cuda --out "$work/x"
expect 2 "not known" "$tester" --checkpoint "$best" --dataset "$work/data" --set test.device=gpu --out "$work/x"
expect 4 "nowhere.safetensors" "$tester" --checkpoint "$work/nowhere.safetensors" --dataset "$work/data" --out "$work/x"

[[ $failures -eq 0 ]] && echo "m4-test: all as expected"
exit $((failures > 0))
