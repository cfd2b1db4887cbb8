#!/usr/bin/env bash
# m4-datagen from outside: the shipped campaigns, mixes, closed loop, several processes.
# usage: campaigns.sh M4_DATAGEN M4_SIM MPIEXEC      (in the root of the checkout; MPIEXEC may be empty)
set -euo pipefail
datagen=$1 sim=$2 mpiexec=${3:-}
root=$PWD
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-campaigns.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}

# plan CONFIG LINE...: the campaign is understood in any folder, and its plan has the lines.
plan() {
  local config=$1 line
  shift
  (cd "$work" && "$datagen" --config "$root/configs/$config" --dry-run >"$work/plan") || fail "$config: dry run"
  for line in "$@"; do grep -qE -- "$line" "$work/plan" || fail "$config: no '$line' in $(cat "$work/plan")"; done
}

"$datagen" --print-config >"$work/defaults.yaml" || fail "--print-config without a configuration"
grep -q '^scenarios: 4000' "$work/defaults.yaml" || fail "defaults: $(cat "$work/defaults.yaml")"

plan datagen-train.yaml '^scenarios +4000 with 8000000 flows'
plan datagen-heavy.yaml '^scenarios +480 with 960000 flows'
plan datagen-demo.yaml '^scenarios +100 with 50000 flows' '^disk +10 shards'
plan datagen-train-mix.yaml '^scenarios +4000 with 8000000 flows' 'cluster_b_2_4.json x 1351' 'dcqcn x 1363' \
  '^size tables 1740 of' '1:1 x 1361' '^sigma.* 1 x 2003' '^load +0\.3002[0-9]* to 0\.7997[0-9]*, mean 0\.5478'
plan datagen-test.yaml '^scenarios +100 with 2000000 flows' '1024 hosts 4:1 x 36' 'hadoop-all.txt x 40' '^disk +100 ns-3 folders'
plan datagen-test-trace.yaml '^scenarios +100 with 200000 flows' '32 hosts 2:1 x 35' '^disk +10 shards'
plan datagen-app.yaml '^scenarios +150 with 3000000 flows' '256 hosts 1:1 x 70' 'cachefollower-all.txt x 50' '^in flight .*19 x 15'
plan datagen-large.yaml '^scenarios +3 with 150000 flows' '6144 hosts 2:1 x 3'
(cd "$work" && "$datagen" --config "$root/configs/datagen-large.yaml" --set mix=late_large_scale --dry-run >plan) || fail "late_large_scale"
grep -qE '^scenarios +100 with [0-9]{9} flows' "$work/plan" && grep -q '6144 hosts 4:1 x 36' "$work/plan" || fail "late: $(cat "$work/plan")"
plan datagen-size-sweep.yaml '^scenarios +6 with [0-9]{7} flows' '61440 hosts 2:1 x 1'

# A mix written, read again, and run: in one process, in two, after an interruption.
cd "$work"
"$datagen" --write-mix eval_train --out train.json
run=(--mix train.json --set scenarios=7 --set scenarios_per_shard=2 --set flows_per_scenario=60 --set workloads="$root/configs/workloads" --quiet)
"$datagen" "${run[@]}" --threads 2 --out one
[[ $(ls one) == $'campaign.yaml\nshard-00000.h5\nshard-00001.h5\nshard-00002.h5\nshard-00003.h5' ]] || fail "files: $(ls one)"
"$datagen" "${run[@]/train.json/eval_train}" --out named
cmp -s one/shard-00002.h5 named/shard-00002.h5 && fail "a name and a file are two configurations" || true
"$datagen" "${run[@]}" --out again
rm again/shard-00001.h5
"$datagen" "${run[@]}" --out again
for shard in one/*.h5; do cmp "$shard" "again/${shard#one/}" || fail "not the same bytes after an interruption"; done

# Closed loop: ns-3 folders that m4-sim reads; the limit is in them; the same flows with every limit.
"$datagen" --write-mix eval_app --out app.json
app=(--mix app.json --set scenarios=31 --set flows_per_scenario=40 --set workloads="$root/configs/workloads" --set write_shards=false --quiet)
"$datagen" "${app[@]}" --out app
[[ $(ls app/ns3 | wc -l) -eq 31 && -s app/ns3/00030/fct.txt ]] || fail "31 folders"
grep -q '^MAX_INFLIGHT_FLOWS 5$' app/ns3/00030/config.txt || fail "limit"
cmp app/ns3/00000/flows.txt app/ns3/00030/flows.txt || fail "limits 1 and 5 have other flows"
cmp -s app/ns3/00000/flows.txt app/ns3/00001/flows.txt && fail "two workloads have the same flows"
[[ $(wc -l <app/ns3/00000/fct.txt) -eq 40 ]] || fail "all flows finish"
"$sim" --scenario app/ns3/00003 --backend packet --compare --out sim --quiet
cmp app/ns3/00003/fct.txt sim/fct.txt || fail "m4-sim differs"
rm app/ns3/00004/summary.json && "$datagen" "${app[@]}" --out app && [[ -s app/ns3/00004/summary.json ]] || fail "made again"

# Ctrl-C between folders: exit code 130, and the same command goes on.
code=0
"$datagen" --mix app.json --set flows_per_scenario=4000 --set workloads="$root/configs/workloads" --set write_shards=false --out stopped --quiet 2>err &
started=$!
until [[ -e stopped/ns3/00000 ]] || ! kill -0 $started 2>/dev/null; do sleep 0.05; done
kill -INT $started
wait $started || code=$?
[[ $code -eq 130 && $(cat err) == *interrupted* ]] || fail "interrupted: code $code, $(cat err)"
[[ -z $(find stopped -name '*.tmp*') ]] || fail "left-overs of an interruption"

# A duration instead of a number of flows; rates of the tiers.
"$datagen" --config "$root/configs/datagen-demo.yaml" --set scenarios=2 --set traffic.duration_s=0.002 --set topology.spine_rate_gbps=40 \
  --set 'traffic.sizes=[synthetic:0-3]' --set write_shards=false --out timed --quiet
awk 'NR > 1 && $7 >= 1.002 {exit 1}' timed/ns3/00001/flows.txt || fail "a flow starts after the duration"
grep -q 40000000000bps timed/ns3/00000/topology.txt || fail "spine rate"

# Mistakes: one line, the right code.
expect() {
  local code=0 wanted=$1 text=$2
  shift 2
  "$@" >out 2>err </dev/null || code=$?
  [[ $code -eq $wanted && $(grep -c 'error: ' err) -eq 1 ]] && grep -q -- "$text" err || fail "$*: code $code, $(cat err)"
}
expect 2 "closed-loop" "$datagen" --mix eval_app --set workloads="$root/configs/workloads" --out x
expect 2 "topology.pods" "$datagen" --mix eval_test --set topology.pods=2 --out x
expect 2 "100 entries" "$datagen" --mix eval_test --set scenarios=101 --set workloads="$root/configs/workloads" --out x
expect 2 "did you mean eval_train" "$datagen" --write-mix eval_trian --out x
expect 2 "needs --out" "$datagen" --write-mix eval_train
expect 4 "nowhere.json" "$datagen" --mix nowhere.json --out x
expect 4 "the stand-in is not there" "$datagen" --mix eval_test --set workloads=nowhere --out x
sed 's/"cc": "timely"/"cc": "tmely"/' app.json >bad.json
expect 3 'entry 0: cc: is "tmely", must be' "$datagen" --mix bad.json --out x
[[ ! -e x ]] || fail "a refused campaign left files"

# Two processes: the same bytes, one error message. The MPI library's own leaks do not count.
if [[ -n $mpiexec ]]; then
  pair=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0" "$mpiexec" --allow-run-as-root --oversubscribe -n 2)
  "${pair[@]}" "$datagen" "${run[@]}" --threads 1 --out two
  for shard in one/*.h5; do cmp "$shard" "two/${shard#one/}" || fail "two processes differ from one"; done
  "${pair[@]}" "$datagen" "${app[@]}" --threads 1 --out app2
  diff -r -x summary.json app app2 || fail "two processes differ from one in folders"
  expect 2 "another campaign" "${pair[@]}" "$datagen" "${run[@]}" --set seed=5 --threads 1 --out two
  expect 4 "nowhere.yaml" "${pair[@]}" "$datagen" --config nowhere.yaml --out x
fi
echo "campaigns: all as expected"
