"""Times one training event (forward and backward) of the full-size model in PyTorch eager, one thread, as tests/bench/run does for ours.

usage: pytorch_event.py [NODES ...]     prints: torch and its BLAS; nodes per event, ms per event
"""
import os
import sys
import time

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pytorch"))
from m4_torch import M4, Sample  # noqa: E402


def steady_sample(n_active, n_flows, rng):
    """n_flows flows of which n_active overlap at any time, on paths of four links."""
    start = np.arange(n_flows, dtype=np.int64) * 1000
    fct = np.full(n_flows, n_active * 1000 + 500, dtype=np.int64)
    n_links = max(4, int(1.5 * n_active))
    paths = [sorted(rng.choice(n_links, 4, replace=False).tolist()) for _ in range(n_flows)]
    size = rng.integers(1000, 1000000, n_flows).astype(np.float64)
    queues = [np.zeros(4) for _ in paths]
    params = [10, 10, 1, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0]
    return Sample(size, start, fct, np.maximum(fct // 2, 1), params, paths, queues,
                  lambda event, active: size[active] / 2 if len(active) else None)


def blas_libraries():
    """Names of the BLAS libraries this process has loaded."""
    torch.mm(torch.ones(2, 2), torch.ones(2, 2))
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(os.path.realpath(line.split()[-1])) for line in maps if line.rstrip().endswith(".so") or ".so." in line}
    found = sorted(name for name in names if "blas" in name or "mkl" in name)
    mkl_inside = "MKL linked into torch" if torch.backends.mkl.is_available() else "no BLAS library of its own"
    return ", ".join(found) or mkl_inside


def main():
    torch.set_num_threads(1)
    print(f"torch {torch.__version__} ({os.path.dirname(torch.__file__)}) with {blas_libraries()}", flush=True)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = M4()
    for wanted in [int(a) for a in sys.argv[1:]] or [10, 33, 55]:
        sample = steady_sample(max(1, round(wanted / 2.5)), 40, rng)
        nodes = np.mean([len(a) + len(l) for a, l in zip(sample.active, sample.links) if len(a)])
        best = float("inf")
        for _ in range(3):
            begin = time.perf_counter()
            model.losses(sample)["total"].backward()
            best = min(best, time.perf_counter() - begin)
        print(f"PyTorch {nodes:5.1f} nodes/event {1e3 * best / (2 * sample.n_flows):.3f} ms/event", flush=True)


if __name__ == "__main__":
    main()
