#!/usr/bin/env bash
# m4-data from outside: a fresh dataset is consistent, damage is told with exit code 3, exports simulate again, figures are drawn.
# usage: data.sh M4_DATAGEN M4_DATA M4_SIM      (in the root of the checkout)
set -euo pipefail
datagen=$1 data=$2 sim=$3
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-data.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0
problem() { echo "FAILED: $*" && failures=$((failures + 1)); }

# expect CODE WORDS COMMAND...: the exit code is CODE, and output or error mentions WORDS.
expect() {
  local wanted=$1 words=$2 code=0
  shift 2
  "$@" >"$work/out" 2>"$work/err" </dev/null || code=$?
  if [[ $code -ne $wanted ]]; then problem "exit code $code, not $wanted: $*"; fi
  if [[ $words ]] && ! grep -aqF -- "$words" "$work/out" "$work/err"; then problem "does not say \"$words\": $*"; fi
}

"$datagen" --quiet --config configs/datagen-demo.yaml --out "$work/data" --set scenarios=3 --set scenarios_per_shard=2 \
  --set flows_per_scenario=60
name=00000 # scenarios are numbered

# ---- what it says of itself ----
expect 0 "m4-data check" "$data" --help
for command in info check export plot; do expect 0 "examples:" "$data" $command --help; done
expect 0 "m4-data" "$data" --version
expect 2 "no command is given" "$data"
expect 2 "did you mean check?" "$data" chek
expect 2 "no dataset is given" "$data" info
expect 2 "--set" "$data" info --set a=b
expect 2 "is not given" "$data" export --dataset "$work/data"
expect 2 "csv, json, ns3" "$data" export --dataset "$work/data" --scenario "$name" --out "$work/x" --format xml
expect 2 "has no busy period 100000" "$data" export --dataset "$work/data" --scenario "$name" --period 100000 --out "$work/x"
expect 4 "$work/nowhere" "$data" info --dataset "$work/nowhere"
expect 4 "$work/nowhere" "$data" check --dataset "$work/nowhere"

# ---- a good dataset ----
expect 0 "scenarios       3" "$data" info --dataset "$work/data"
expect 0 "is consistent: 2 shards, 3 scenarios, 180 flows" "$data" check --dataset "$work/data"
for format in csv json ns3; do
  expect 0 "" "$data" export --dataset "$work/data" --scenario "$name" --format $format --out "$work/export"
done
[[ $(wc -l <"$work/export/flows.csv") -eq 61 ]] || problem "flows.csv does not have 60 flows"
[[ $(wc -l <"$work/export/events.csv") -eq 121 ]] || problem "events.csv does not have 120 events"
cp tests/data/ns3/single/dctcp/config.txt "$work/export"
expect 0 "" "$sim" --quiet --scenario "$work/export" --backend flowsim --out "$work/sim"
[[ $(wc -l <"$work/sim/flows.csv") -eq 61 ]] || problem "the exported scenario does not simulate"
expect 0 "" "$data" plot --quiet --dataset "$work/data" --out "$work/figures"
for figure in sizes loads slowdowns slowdowns_by_cc flowsim_errors period_flows period_lengths queues; do
  [[ -s $work/figures/$figure.csv ]] || problem "no $figure.csv"
  if command -v gnuplot >/dev/null; then
    [[ -s $work/figures/$figure.svg && -s $work/figures/$figure.png ]] || problem "no picture of $figure"
  fi
done
mkdir "$work/empty"
expect 0 "gnuplot is not installed" env PATH="$work/empty" "$data" plot --dataset "$work/data" --out "$work/plain"

# ---- damage ----
sed -i 's/^seed: .*/seed: 12345/' "$work/data/campaign.yaml"
expect 3 "campaign.yaml says 12345" "$data" check --dataset "$work/data"
rm "$work/data/shard-00001.h5"
expect 3 "1 shards, the campaign has 2; the first that is missing is shard-00001.h5" "$data" check --dataset "$work/data"
head -c 20000 "$work/data/shard-00000.h5" >"$work/cut.h5"
expect 3 "1 inconsistencies" "$data" check --dataset "$work/cut.h5"
expect 3 "cut.h5" "$data" info --dataset "$work/cut.h5"

[[ $failures -eq 0 ]] && echo "m4-data: all as expected"
exit $((failures > 0))
