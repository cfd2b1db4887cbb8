#!/usr/bin/env bash
# scripts/ablations: trains every variant asked for, in one table with what each is; done again it repeats nothing; other settings are refused.
# usage: ablations.sh BUILD      (in the root of the checkout)
set -euo pipefail
export BUILD=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-ablations.XXXXXX")
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAILED: $*"
  exit 1
}

"$BUILD/datagen/m4-datagen" --config configs/datagen-demo.yaml --set scenarios=12 --set flows_per_scenario=60 --quiet --out "$work/data"
small=(--set dataset.train_frac=0.8 --set model.hidden_size=8 --set model.gcn_hidden_size=8 --set training.weight_every=0)

# ablate PERIODS [ARGUMENT...]
ablate() {
  scripts/ablations --dataset "$work/data" --periods "$1" --only full,no_gnn --scenarios tests/data/ns3/single --threads 1 --out "$work/out" "${@:2}" \
    -- "${small[@]}" >"$work/log" 2>&1
}

ablate 20 || fail "$(cat "$work/log")"
number='[0-9]+\.[0-9]'
three="$number / $number / $number"
grep -qE "^\| flowSim \| $three \| $three \| - \| - \|$" "$work/out/table.md" && grep -qE "^\| full \| $three \| $three \| [0-9]+, [0-9]+ \| 7.3 / 18.7 / 11.3 \|$" \
  "$work/out/table.md" && grep -qE "^\| no_gnn \| $three \| $three \| [0-9]+, [0-9]+ \| 18.2" "$work/out/table.md" || fail "$(cat "$work/out/table.md")"
cost() { awk -F' *[|] *' -v name="$1" '$2 == name { split($5, parts, ", "); print parts[1] }' "$work/out/table.md"; }
[ "$(cost full)" -gt "$(cost no_gnn)" ] || fail "no GNN costs no less"

# Stopped between the two: the first is kept, the second made again; the same table.
cp "$work/out/table.md" "$work/first.md"
rm "$work/out/no_gnn/done"
ablate 20 || fail "again: $(cat "$work/log")"
[ "$(grep -c 'done before' "$work/log")" = 1 ] && cmp "$work/first.md" "$work/out/table.md" || fail "again: $(cat "$work/log")"

if ablate 30; then fail "another budget in the same folder"; fi
grep -q 'trainings of another kind' "$work/log" || fail "$(cat "$work/log")"
if scripts/ablations --dataset "$work/data" --only nonsense --out "$work/none" >"$work/log" 2>&1; then fail "an unknown variant"; fi
grep -q 'no variant is called "nonsense"' "$work/log" && [ ! -e "$work/none" ] || fail "$(cat "$work/log")"
echo "ablations: one table, nothing trained twice"
