#!/usr/bin/env bash
# Scenarios that cannot be simulated, through the program: exit code 3 (5 for weights that are not numbers), exactly one error, which names file and line or
# what is wrong; nothing is written.
# usage: bad_scenarios.sh M4_SIM TESTS_DATA
set -euo pipefail
sim=$1 data=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-bad.XXXXXX")
trap 'rm -rf "$work"' EXIT
failures=0

# Two hosts on one switch (node 4), two on another (node 5); no cable between the switches.
good() {
  rm -rf "$work/s" "$work/out"
  mkdir "$work/s"
  printf '6 2 5\n4 5\n0 4 10Gbps 1000ns 0\n1 4 10Gbps 1000ns 0\n2 5 10Gbps 1000ns 0\n3 5 10Gbps 1000ns 0\n4 5 10Gbps 1000ns 0\n' >"$work/s/topology.txt"
  printf '2\n0 0 1 3 100 5000 0.000001\n1 0 2 3 100 5000 0.000002\n' >"$work/s/flows.txt"
  cp "$data/ns3/eval_public/0/config.txt" "$work/s/config.txt"
  printf '10 10 1 0 0 0 10 0 0 0 0 0 0\n' >"$work/s/params.txt"
}

# expect CODE TEXT [ARGUMENTS]: all back ends that need no weights say the same, and so does the way flow by flow.
expect() {
  local code=$1 text=$2 got backend
  shift 2
  for backend in flowsim packet "flowsim --stream"; do
    got=0
    # shellcheck disable=SC2086
    "$sim" --scenario "$work/s" --backend $backend --out "$work/out" "$@" >/dev/null 2>"$work/err" || got=$?
    if [[ $got -ne $code || $(grep -c '^m4-sim: error: ' "$work/err") -ne $((code != 0)) ]] || ! grep -qF -- "$text" "$work/err" ||
      { [[ $code -ne 0 ]] && [[ -e $work/out/flows.csv ]]; }; then
      failures=$((failures + 1))
      echo "FAILED: $backend, exit code $got, expected $code and \"$text\":"
      cat "$work/err"
    fi
  done
}

good; expect 0 "2 of 2 flows"
good; sed -i '1s/5$/4/; /^4 5 10/d' "$work/s/topology.txt"; expect 3 "flow 1: routing: there is no path" # disconnected hosts
good; sed -i 's/^2 5 10Gbps/2 5 0Gbps/' "$work/s/topology.txt"; expect 3 "topology.txt:5"            # zero bandwidth
good; sed -i 's/^2 5 10Gbps/2 5 -1Gbps/' "$work/s/topology.txt"; expect 3 "topology.txt:5"
good; sed -i 's/^2 5 10Gbps 1000ns/2 5 10Gbps -5ns/' "$work/s/topology.txt"; expect 3 "topology.txt:5"
good; sed -i 's/^2 5 10Gbps/2 5 1e30Gbps/' "$work/s/topology.txt"; expect 3 "topology.txt:5"
good; sed -i 's/^2 5 10Gbps 1000ns/2 5 10Gbps 1e30s/' "$work/s/topology.txt"; expect 3 "topology.txt:5"
good; sed -i 's/^2 5 /2 2 /' "$work/s/topology.txt"; expect 3 "topology.txt:5"                       # a cable from a host to itself
good; sed -i '2s/.*/4 4/' "$work/s/topology.txt"; expect 3 "switch 4 is listed twice"
good; printf '0.5 4 5 0\n0.4 4 5 10Gbps\n' >"$work/s/link_changes.txt"; expect 3 "link_changes.txt:2" # runs back
good; printf -- '-1 4 5 0\n' >"$work/s/link_changes.txt"; expect 3 "link_changes.txt:1"
good; printf '1e300 4 5 0\n' >"$work/s/link_changes.txt"; expect 3 "link_changes.txt:1"
good; sed -i 's/0.000002/-0.000002/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                     # negative time
good; sed -i 's/0.000002/99999999999999/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                # huge time
good; sed -i 's/0.000002/9007199.5/' "$work/s/flows.txt"; expect 3 "must be between 0 and 9007199.25" # beyond 2^53 ns
good; sed -i 's/0.000002/nan/' "$work/s/flows.txt"; expect 3 "flows.txt:3"
good; sed -i 's/0.000002/0.0000001/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                     # runs back
good; sed -i 's/^1 0 2/0 0 2/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                           # the same id twice
good; sed -i 's/^1 0 2/1 0 4/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                           # to a switch
good; sed -i 's/^1 0 2/1 0 77/' "$work/s/flows.txt"; expect 3 "flows.txt:3"
good; sed -i 's/^1 0 2/1 0 0/' "$work/s/flows.txt"; expect 3 "flows.txt:3"                           # to itself
good; sed -i 's/5000 0.000002/0 0.000002/' "$work/s/flows.txt"; expect 3 "flows.txt:3"               # no bytes
good; sed -i 's/5000 0.000002/99999999999999999999 0.000002/' "$work/s/flows.txt"; expect 3 "flows.txt:3"
good; sed -i 's/^10 10/nan 10/' "$work/s/params.txt"; expect 3 "params.txt:1"
good; gzip "$work/s/flows.txt"; expect 0 "2 of 2 flows"
good; sed -i 's/^1 0 2/0 0 2/' "$work/s/flows.txt"; gzip "$work/s/flows.txt"; expect 3 "flows.txt.gz:3" # named as it is
good; gzip "$work/s/flows.txt"; truncate -s 30 "$work/s/flows.txt.gz"; expect 3 "flows.txt.gz: damaged gzip"

# Weights that are not numbers.
good
weights=$work/spoilt.safetensors
cp "$data/golden/m4_sim.safetensors" "$weights"
printf '\000\000\300\177' | dd of="$weights" bs=1 seek=$(($(stat -c %s "$weights") - 4)) conv=notrunc status=none
got=0
"$sim" --scenario "$work/s" --backend m4 --checkpoint "$weights" --out "$work/out" 2>"$work/err" || got=$?
if [[ $got -ne 5 ]] || ! grep -q '^m4-sim: error: .*spoilt.safetensors.*finite' "$work/err"; then
  failures=$((failures + 1))
  echo "FAILED: weights with NaN, exit code $got:"
  cat "$work/err"
fi
exit $((failures > 0))
