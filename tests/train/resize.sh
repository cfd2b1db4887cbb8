#!/usr/bin/env bash
# Weights at other widths, from outside: wider ones simulate the same and can be trained on, narrower ones load; mistakes.
# usage: resize.sh M4_CONVERT M4_SIM M4_TRAIN DATASET WEIGHTS SCENARIO
set -euo pipefail
convert=$1 sim=$2 train=$3 dataset=$(realpath "$4") weights=$(realpath "$5") scenario=$(realpath "$6")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-resize.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() { echo "FAILED: $*" && exit 1; }

# refused WORDS ARGUMENTS...: a usage error that says so and writes nothing
refused() {
  local code=0
  "$convert" "${@:2}" 2>err || code=$?
  [[ $code -eq 2 ]] && grep -qF -- "$1" err || fail "exit code $code: m4-convert ${*:2}: $(cat err)"
}
expect_note() { head -c 20000 "$1" | tr -d '\0' | grep -aF "\"$2\":\"$3\"" >/dev/null || fail "$1 lacks the note $2 = $3"; }
note() { head -c 20000 "$1" | tr -d '\0' | grep -ao "\"$2\":\"[0-9]*\"" | tr -dc 0-9; }
simulate() {
  "$sim" --quiet --scenario "$scenario" --backend m4 --checkpoint "$1" --out "$2"
  tr ',' '\n' <"$2/flows.csv" >"$2/numbers"
}

hidden=$(note "$weights" hidden_size) gcn=$(note "$weights" gcn_hidden_size)
"$convert" --from "$weights" --to wide.safetensors --hidden 72 --gcn 100 --seed 5
expect_note wide.safetensors hidden_size 72
expect_note wide.safetensors gcn_hidden_size 100
expect_note wide.safetensors resized "hidden_size $hidden to 72, gcn_hidden_size $gcn to 100, seed 5"
head -c 20000 wide.safetensors | tr -d '\0' | grep -a '"input_ranges":' >/dev/null || fail "the ranges of inputs are gone"
"$convert" --from "$weights" --to again.safetensors --hidden 72 --gcn 100 --seed 5
cmp wide.safetensors again.safetensors || fail "the same seed gives other bytes"
"$convert" --from "$weights" --to other.safetensors --hidden 72 --gcn 100
! cmp -s wide.safetensors other.safetensors || fail "another seed gives the same bytes"

simulate "$weights" small
simulate wide.safetensors wide
paste small/numbers wide/numbers | awk -F '\t' '
  function off(a, b) { return a > b ? a - b : b - a }
  $1 + 0 != 0 { numbers++; if (off($1, $2) > 1e-3 * ($1 < 0 ? -$1 : $1)) worse++ }
  END { exit !(numbers > 100 && worse == 0) }' || fail "wider weights simulate something else"

"$train" --quiet --dataset "$dataset" --out runs --dry-run --set model.fluid=true --set model.inputs=scaled \
  --set model.hidden_size=72 --set model.gcn_hidden_size=100 --set training.init_from=wide.safetensors

"$convert" --from "$weights" --to narrow.safetensors --hidden 20
expect_note narrow.safetensors hidden_size 20
expect_note narrow.safetensors gcn_hidden_size "$gcn"
simulate narrow.safetensors narrow

refused "--hidden" --from "$weights" --to x.safetensors --hidden 3
refused "--gcn" --from "$weights" --to x.safetensors --gcn -1
refused "--hidden" --from "$weights" --to x.safetensors --hidden 99999999999
refused "--seed" --from "$weights" --to x.safetensors --hidden 80 --seed -2
refused "from safetensors to safetensors" --from "$weights" --to x.pt --hidden 80
refused "from safetensors to safetensors" --from x.pt --to x.safetensors --hidden 80
echo "no weights at all" >bad.safetensors
! "$convert" --from bad.safetensors --to x.safetensors --hidden 80 2>err || fail "a file that is no model is accepted"
[[ $(wc -l <err) -le 2 ]] && grep -q "bad.safetensors" err || fail "unclear: $(cat err)"
[[ ! -e x.safetensors && ! -e x.pt ]] || fail "a mistake has written something"
echo "resize: widened, simulated, trained on, narrowed, refused"
