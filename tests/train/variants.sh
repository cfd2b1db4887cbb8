#!/usr/bin/env bash
# Every variant of the model is trained, tested and simulated by the programs; --profile and bf16 products on the way.
# usage: variants.sh M4_TRAIN M4_TEST M4_SIM DATASET SCENARIO
set -euo pipefail
m4_train=$1 m4_test=$2 m4_sim=$3
dataset=$(realpath "$4") scenario=$(realpath "$5")
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-variants.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

settings=(--set dataset.n_samples_sampled=20 --set dataset.train_frac=0.8 --set model.hidden_size=16 --set model.gcn_hidden_size=24
  --set training.n_epochs=1)

# through NAME SETTINGS...: train, test and simulate; the weights must say what NAME is about, in `notes`
through() {
  name=$1
  "$m4_train" --quiet --dataset "$dataset" --out "$name" "${settings[@]}" "${@:2}"
  run=$name/m4/version_0
  "$m4_test" --quiet --run "$run" --out "$name/test" >/dev/null
  "$m4_sim" --quiet --scenario "$scenario" --backend m4 --checkpoint "$run/checkpoints/last.safetensors" --out "$name/sim" 2>/dev/null
  grep -q '"finished"' "$name/sim/summary.json"
  notes=$(head -c 20000 "$run/checkpoints/last.safetensors" | tr -d '\0')
  echo "$name: trained, tested, simulated"
}
expect_note() { [[ $notes == *"\"$1\":\"$2\""* ]] || { echo "weights lack the note $1 = $2"; exit 1; }; }

through whole
[[ $notes != *'"enable_'* ]] || { echo "a whole model says that parts are left out"; exit 1; }
through no_gru --set model.enable_lstm=False
expect_note enable_lstm false
through no_gnn --set model.enable_gnn=False
expect_note enable_gnn false
through no_link_state --set model.enable_link_state=False
expect_note enable_link_state false
through two_layers --set model.gcn_n_layer=2
expect_note gcn_n_layer 2
through four_layers --set model.gcn_n_layer=4
expect_note gcn_n_layer 4
through no_supervision --set dataset.enable_remainsize=False --set dataset.enable_queuelen=False

through bf16 --set training.gemm=bf16 --profile
grep -q '^linear2 *forward' bf16/m4/version_0/profile.txt
grep -q '"name":"gru_cell backward"' bf16/m4/version_0/trace.json
echo "profile: table and trace"
