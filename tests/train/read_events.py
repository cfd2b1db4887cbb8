"""Reads a run's event files with TensorBoard's own reader and compares with metrics.jsonl. Exit code 77: TensorBoard is not installed.

usage: read_events.py RUN_FOLDER"""
import io
import json
import sys

try:
    from tensorboard.backend.event_processing import event_accumulator
    from tensorboard.plugins.custom_scalar import layout_pb2
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.util import tensor_util
except ImportError:
    sys.exit(77)

run = sys.argv[1]
events = event_accumulator.EventAccumulator(run, size_guidance={kind: 0 for kind in ("scalars", "histograms", "images", "tensors")})
events.Reload()
tags = events.Tags()
records = [json.loads(line) for line in open(f"{run}/metrics.jsonl")]
steps = [record for record in records if record["kind"] == "step"]
epochs = [record for record in records if record["kind"] == "epoch"]
assert steps and epochs


def scalars(tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def same(tag, rows, field, step):
    """Every record once, in order: what a resumed run wrote twice is gone."""
    expected = [(row[step], row[field]) for row in rows]
    found = scalars(tag)
    assert [at for at, _ in found] == [at for at, _ in expected], (tag, found, expected)
    for (_, a), (_, b) in zip(found, expected):
        assert abs(a - b) <= 1e-6 * abs(b), (tag, a, b)


same("train_loss_step", steps, "loss_fct", "step")
same("learning_rate", steps, "learning_rate", "step")
same("grad_norm_step", steps, "grad_norm", "step")
same("train_loss_epoch", epochs, "train_loss_fct", "epoch")
same("val_loss_epoch", epochs, "val_loss_fct", "epoch")
same("val_error_epoch", epochs, "val_error", "epoch")

assert "errors/val_slowdown" in tags["histograms"] and "weights/output_layer.0.weight" in tags["histograms"]
ends = [record["step"] for record in epochs]
for tag in tags["histograms"]:
    found = events.Histograms(tag)
    assert [event.step for event in found] == ends, (tag, [event.step for event in found], ends)
    for event in found:
        value = event.histogram_value
        assert sum(value.bucket) == value.num and len(value.bucket) == len(value.bucket_limit)
        assert list(value.bucket_limit) == sorted(value.bucket_limit)

for tag in ("example/remaining_size", "example/queue"):
    found = events.Images(tag)
    assert [event.step for event in found] == ends
    assert found[0].encoded_image_string.startswith(b"\x89PNG")
    try:
        from PIL import Image
    except ImportError:
        continue
    image = Image.open(io.BytesIO(found[0].encoded_image_string))
    image.load()
    assert image.size == (found[0].width, found[0].height)

layout = layout_pb2.Layout()
layout.ParseFromString(tensor_util.make_ndarray(events.Tensors("custom_scalars__config__")[0].tensor_proto).item())
charts = {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}
assert charts["FCT loss"] == ["train_loss_epoch", "val_loss_epoch"], charts

metadata = events.SummaryMetadata("_hparams_/session_start_info")
content = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
assert content.session_start_info.hparams["batch_size"].number_value >= 1
print(f"TensorBoard reads {len(tags['scalars'])} scalars, {len(tags['histograms'])} histograms, {len(tags['images'])} images")
