#!/usr/bin/env bash
# The accuracy report: its numbers are those of m4-sim --compare, closed loops have their true completion times, mistakes are one error.
# usage: accuracy.sh BUILD TESTS_DATA      (in the root of the checkout)
set -euo pipefail
build=$1 data=$(cd "$2" && pwd)
accuracy=$build/sim/m4-accuracy weights=$data/golden/m4_sim.safetensors
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-accuracy.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}

# expect CODE TEXT ARGUMENT...: exactly one error, which says so.
expect() {
  local code=$1 text=$2 got=0
  shift 2
  "$accuracy" --out "$work/none" "$@" >/dev/null 2>"$work/err" || got=$?
  [[ $got -eq $code && $(grep -c '^m4-accuracy: error: ' "$work/err") -eq 1 ]] && grep -qF -- "$text" "$work/err" ||
    fail "code $got instead of $code, or no '$text' in: $(cat "$work/err")"
  [ ! -e "$work/none/report.md" ] || fail "a report after an error"
}

# Two scenarios in a tree, 10 behind 2.
mkdir -p "$work/set/deep" "$work/empty" "$work/untrue"
ln -s "$data/ns3/single/dctcp" "$work/set/deep/10"
ln -s "$data/ns3/parkinglot5_mix/dcqcn" "$work/set/deep/2"
BUILD=$build scripts/accuracy-report --scenarios "$work/set" --checkpoint small="$weights" --closed-loop "$data/ns3/closed_loop/0_n5" \
  --threads 2 --out "$work/out" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
[ "$(cut -d, -f1,9 "$work/out/runs/runs.csv" | tail -n +2 | tr '\n' ' ')" = "deep/2,flowSim deep/2,small deep/10,flowSim deep/10,small " ] ||
  fail "rows of $(cat "$work/out/runs/runs.csv")"

# The errors are m4-sim's.
"$build/sim/m4-sim" --scenario "$work/set/deep/2" --backend m4 --checkpoint "$weights" --compare --quiet --out "$work/sim" 2>/dev/null
for pair in mean:11 p90:13 p99_tail:15; do
  theirs=$(sed -n '/"buckets"/q; s/^ *"'"${pair%:*}"'": *\([-0-9.e]*\),\{0,1\}$/\1/p' "$work/sim/summary.json" | tail -1)
  ours=$(awk -F, -v column="${pair#*:}" '$1 == "deep/2" && $9 == "small" { print $column }' "$work/out/runs/runs.csv")
  awk -v a="$ours" -v b="$theirs" 'BEGIN { d = a - b; exit !(b > 0 && d * d <= 1e-14 * b * b) }' || fail "${pair%:*}: $ours, m4-sim says $theirs"
done

# The truth of a closed loop, and that m4's and flowSim's times are there.
grep -qE '^\| 0_n5, DCTCP \| 5 \| 19\.708 \| 18\.586 \(-5\.7 %\) \| [0-9.]+ \([-+][0-9.]+ %\) \|$' "$work/out/closed_loop/report.md" ||
  fail "completion times: $(grep 0_n5 "$work/out/closed_loop/report.md")"
grep -qE '^\| small \|.*\| [1-9][0-9]* \| [1-9][0-9]* \|$' "$work/out/runs/report.md" || fail "no cost"
for figure in error_cdf error_by_size error_by_cost slowdown_cdf slowdown_tail; do
  [ "$(wc -l <"$work/out/runs/figures/$figure.csv")" -gt 2 ] || fail "no $figure"
done
grep -q 'closed_loop/figures/completion.svg' "$work/out/report.md" || ! command -v gnuplot >/dev/null || fail "no figure in report.md"
if grep -q "$work" "$work/out/report.md"; then fail "report.md tells where data lie"; fi

# The same bytes on any number of threads.
"$accuracy" --scenarios "$work/set" --checkpoint small="$weights" --threads 1 --title set --quiet --out "$work/one" >/dev/null 2>&1
cmp "$work/one/report.md" "$work/out/runs/report.md" || fail "threads"

ln -s "$data/ns3/eval_public/1"/{topology.txt,config.txt,flows.txt.gz} "$work/untrue/"
expect 2 "--scenarios: missing" --checkpoint "$weights"
expect 2 "no scenario with topology.txt and fct.txt" --scenarios "$work/empty" --checkpoint "$weights"
expect 2 "no scenario with topology.txt and fct.txt" --scenarios "$work/untrue" --checkpoint "$weights"
expect 4 "nowhere" --scenarios "$work/nowhere" --checkpoint "$weights"
expect 4 "none.safetensors" --scenarios "$work/set" --checkpoint "$work/none.safetensors"
expect 2 "two are called" --scenarios "$work/set" --checkpoint a="$weights" --checkpoint a="$weights"
expect 2 "names have 1 to" --scenarios "$work/set" --checkpoint ="$weights"
expect 2 "more than 8 checkpoints" --scenarios "$work/set" $(printf -- "--checkpoint %d=$weights " 1 2 3 4 5 6 7 8 9)
expect 2 "--threads" --scenarios "$work/set" --threads -1
printf 'nonsense\n' >"$work/untrue/fct.txt"
expect 3 "fct.txt:1" --scenarios "$work/untrue" --checkpoint "$weights"
echo "accuracy report: m4-sim's numbers, true completion times, clear errors"
