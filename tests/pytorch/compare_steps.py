"""Trains the same model in PyTorch along a run of m4-train and compares the loss of every step.

usage: compare_steps.py RUN_FOLDER [STEPS]

The run must have dropout 0, loss reference, and log_every_n_steps 1; its metrics.jsonl says which busy periods each step used, and
checkpoints/init.safetensors where it started. Exit code 1 when a loss differs by more than 1e-3 relative.

Training is chaotic: in float32 two correct programs drift apart after some tens of steps, and so does PyTorch from itself when only its
precision is changed. A run with training.precision float64 shows that the two compute the same thing.
"""
import json
import os
import re
import sys

import torch

from m4_torch import Dataset, M4


def setting(text, key):
    found = re.search(r"^\s*%s:\s*\"?([^\"#\n]*)" % key, text, re.M)
    return found.group(1).strip() if found else ""


def main():
    run, limit = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200
    torch.set_num_threads(1)
    config = open(os.path.join(run, "config.yaml")).read()
    model = M4.from_file(os.path.join(run, "checkpoints", "init.safetensors"))
    dtype = torch.float64 if setting(config, "precision") == "float64" else torch.float32
    model.to(dtype)
    dataset = Dataset(setting(config, "path"))
    optimiser = torch.optim.Adam(model.parameters(), lr=float(setting(config, "learning_rate")))
    worst, steps = 0.0, 0
    for line in open(os.path.join(run, "metrics.jsonl")):
        record = json.loads(line)
        if record["kind"] != "step" or steps == limit:
            continue
        optimiser.zero_grad()
        losses = [model.losses(dataset.sample(period).to(dtype)) for period in record["periods"]]
        total = sum(loss["total"] for loss in losses) / len(losses)
        total.backward()
        optimiser.step()
        difference = abs(total.item() - record["loss"]) / abs(total.item())
        worst, steps = max(worst, difference), steps + 1
        if steps <= 3 or steps % 20 == 0:
            print(f"step {record['step']:4d}  ours {record['loss']:.7f}  PyTorch {total.item():.7f}  relative {difference:.1e}", flush=True)
    print(f"{steps} steps, largest relative difference of the loss {worst:.2e}")
    return 0 if steps == limit and worst <= 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())
