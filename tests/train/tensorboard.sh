#!/usr/bin/env bash
# What TensorBoard's own reader finds in a run that was killed in the middle and resumed; m4-events agrees. Exit code 77: there is no
# python with TensorBoard (M4_TENSORBOARD_PYTHON names one).
# usage: tensorboard.sh M4_TRAIN M4_EVENTS DATASET
set -euo pipefail
m4_train=$1 m4_events=$2
dataset=$(realpath "$3")
here=$(realpath "$(dirname "$0")")
python=${M4_TENSORBOARD_PYTHON:-python3}
work=$(mktemp -d "${TMPDIR:-/tmp}/m4-tensorboard.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
run=runs/m4/version_0
"$m4_train" --quiet --threads 1 --dataset "$dataset" --set dataset.n_samples_sampled=20 --set dataset.train_frac=0.8 --set model.hidden_size=8 \
  --set model.gcn_hidden_size=12 --set training.n_epochs=200 --set training.keep_epochs=1 --set training.log_every_n_steps=1 \
  --set training.checkpoint_every_n_steps=5 &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q '"step":19,' $run/metrics.jsonl 2>/dev/null; do sleep 0.005; done
kill -9 $pid
wait $pid 2>/dev/null || true
epochs=$(($(tail -n 1 $run/metrics.jsonl | sed 's/.*"epoch":\([0-9]*\).*/\1/') + 2))
"$m4_train" --quiet --threads 1 --resume $run --set training.n_epochs=$epochs

# m4-events: every checksum is right, and the last value of a tag is the journal's.
"$m4_events" dump $run >dump.txt
"$m4_events" dump $run --json >dump.jsonl
[ "$(wc -l <dump.txt)" -eq "$(wc -l <dump.jsonl)" ]
[ "$(grep -c '"kind":"start"' dump.jsonl)" -eq 1 ]
last=$(grep '"kind":"epoch"' $run/metrics.jsonl | tail -n 1 | sed 's/.*"val_loss_fct":\([0-9.e-]*\).*/\1/')
"$m4_events" dump $run --tag val_loss_epoch | tail -n 1 | awk -v want="$last" '{ d = $NF - want; if (d < 0) d = -d; exit !(d <= 1e-6 * want) }'
code=0
"$m4_events" dump $run/metrics.jsonl 2>error.txt || code=$?
[ $code -eq 3 ]
grep -q 'm4-events: error: .*checksum' error.txt
code=0
"$m4_events" dump no-such-file 2>error.txt || code=$?
[ $code -eq 4 ]
command -v "$python" >/dev/null || { echo "no $python: TensorBoard's reader is not asked"; exit 77; }
"$python" "$here/read_events.py" $run
