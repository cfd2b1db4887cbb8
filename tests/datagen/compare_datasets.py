#!/usr/bin/python3
"""Compares two shards by what they mean, read with h5py: compare_datasets.py A.h5 B.h5; exit code 1 names the first
difference. Links may have other numbers, and rows are compared within busy periods."""
import sys

import h5py
import numpy as np

from dataset_to_npy import Scenario


def differences(a, b):
    yield "name", a.name == b.name
    yield "scenario/params", np.array_equal(a.params, b.params)
    for name in ("id", "src", "dst", "size_bytes", "start_ns", "fct_ns", "ideal_fct_ns", "flowsim_fct_ns"):
        yield "flow/" + name, np.array_equal(a.flow(name), b.flow(name))
    yield "flow/path_link", a.paths() == b.paths()
    yield "flow/queue_bytes", all(map(np.array_equal, a.per_flow("queue_bytes"), b.per_flow("queue_bytes")))
    yield "busy periods and rows", a.busy_periods() == b.busy_periods()
    for name in ("start_ns", "end_ns", "max_active"):
        yield "period/" + name, np.array_equal(*(s.shard["period/" + name][s.periods] for s in (a, b)))


def main():
    a, b = (h5py.File(path) for path in sys.argv[1:3])
    n_scenarios = len(a["scenario/params"])
    if n_scenarios == 0 or n_scenarios != len(b["scenario/params"]):
        sys.exit("numbers of scenarios differ")
    n_rows = 0
    for index in range(n_scenarios):
        first, second = Scenario(a, index), Scenario(b, index)
        for what, same in differences(first, second):
            if not same:
                sys.exit(f"scenario {first.name}: {what} differs")
        n_rows += sum(len(rows) for _, rows in first.busy_periods())
    print(f"{n_scenarios} scenarios and {n_rows} rows are the same")


if __name__ == "__main__":
    main()
