"""Times one event of the full-size model in PyTorch eager, one thread, as bench_event does for ours: of training (forward and backward), and of
simulation (event and readout of every active flow) with as many flows and links as there.

usage: pytorch_event.py [--device cpu] [--batch 1] [NODES ...]     prints: torch and its BLAS; nodes per event, ms per event
--device cuda: on a GPU (PyTorch 2); --batch: so many samples in lockstep, their events in one graph; ms per event of one sample.
"""
import argparse
import os
import sys
import time
import types

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


def lockstep(samples):
    """Samples with the same times as one: event by event the graphs side by side, flows before links."""
    joined = types.SimpleNamespace(**vars(samples[0]))
    flows = np.cumsum([0] + [s.n_flows for s in samples])
    links = np.cumsum([0] + [s.n_links_used for s in samples])
    joined.n_flows, joined.n_links_used = int(flows[-1]), int(links[-1])
    for name in ("size_feature", "n_links", "params", "target_slowdown"):
        setattr(joined, name, torch.cat([getattr(s, name) for s in samples]))
    for name in ("active", "links", "source", "target", "size_label", "queue_label", "queue_row"):
        setattr(joined, name, [])
    for event in range(2 * samples[0].n_flows):
        joined.active.append(torch.cat([s.active[event] + int(f) for s, f in zip(samples, flows)]))
        joined.links.append(torch.cat([s.links[event] + int(l) for s, l in zip(samples, links)]))
        joined.queue_row.append(None if samples[0].queue_row[event] is None else
                                torch.cat([s.queue_row[event] + int(l) for s, l in zip(samples, links)]))
        for name in ("size_label", "queue_label"):
            values = [getattr(s, name)[event] for s in samples]
            getattr(joined, name).append(None if values[0] is None else torch.cat(values))
        for name in ("source", "target"):
            node_flow, node_link, nodes = 0, len(joined.active[-1]), []
            for s in samples:
                own, n = getattr(s, name)[event], len(s.active[event])
                nodes.append(torch.where(own < n, own + node_flow, own - n + node_link))
                node_flow, node_link = node_flow + n, node_link + len(s.links[event])
            getattr(joined, name).append(torch.cat(nodes))
    joined.active += [()] * (2 * joined.n_flows - len(joined.active))  # the model counts two events per flow
    return joined


def simulation_ms(model, n_flows, n_links, rng, clock):
    """Time of an event and the prediction of every flow: n_flows on paths of four of n_links links. Best of ten rounds."""
    pairs = [(flow, n_flows + link) for flow in range(n_flows) for link in sorted(rng.choice(n_links, 4, replace=False).tolist())]
    edges = torch.tensor(pairs + [(link, flow) for flow, link in pairs]).T.contiguous()
    graph = types.SimpleNamespace(active=[torch.arange(n_flows)], links=[torch.arange(n_links)], source=[edges[0]], target=[edges[1]],
                                  dt=[torch.tensor(1.0)], size_label=[None], queue_label=[None], params=torch.ones(n_flows, 13))
    path_length = torch.full((n_flows, 1), 4.0)
    best = float("inf")
    with torch.no_grad():
        for _ in range(10):
            h, z = torch.zeros(n_flows, model.hidden), torch.zeros(n_links, model.hidden)
            begin = clock()
            for _ in range(30):
                h, z, _, _ = model.event(graph, 0, h, z)
                model.output_layer(torch.cat([path_length, graph.params, h], 1)).cpu()
            best = min(best, clock() - begin)
    return 1e3 * best / 30


def blas_libraries():
    """Names of the BLAS libraries this process has loaded."""
    torch.mm(torch.ones(2, 2), torch.ones(2, 2))
    with open("/proc/self/maps") as maps:
        names = {os.path.basename(os.path.realpath(line.split()[-1])) for line in maps if line.rstrip().endswith(".so") or ".so." in line}
    found = sorted(name for name in names if "blas" in name or "mkl" in name)
    mkl_inside = "MKL linked into torch" if torch.backends.mkl.is_available() else "no BLAS library of its own"
    return ", ".join(found) or mkl_inside


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("nodes", nargs="*", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__} ({os.path.dirname(torch.__file__)}) with {blas_libraries()}", flush=True)
    wall, processor = time.perf_counter, time.process_time
    if args.device != "cpu":
        torch.set_default_device(args.device)
        print(f"on {torch.cuda.get_device_name()}", flush=True)

        def wall():
            torch.cuda.synchronize()
            return time.perf_counter()

        processor = wall
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    model = M4()
    for wanted in args.nodes or [10, 33, 55]:
        samples = [steady_sample(max(1, round(wanted / 2.5)), 40, rng) for _ in range(args.batch)]
        nodes = np.mean([len(a) + len(l) for a, l in zip(samples[0].active, samples[0].links) if len(a)])
        sample = samples[0] if args.batch == 1 else lockstep(samples)
        best = float("inf")
        for _ in range(3):
            begin = wall()
            model.losses(sample)["total"].backward()
            best = min(best, wall() - begin)
        print(f"PyTorch {nodes:5.1f} nodes/event {1e3 * best / (2 * sample.n_flows):.3f} ms/event", flush=True)
    for n_flows, n_links in ((5, 8), (24, 37)):
        print(f"PyTorch simulation {n_flows + n_links} nodes {simulation_ms(model, n_flows, n_links, rng, processor):.3f} ms/event",
              flush=True)


if __name__ == "__main__":
    main()
