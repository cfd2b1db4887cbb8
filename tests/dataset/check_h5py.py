"""Reads a shard with h5py alone, as data/FORMAT.md says: check_h5py.py SHARD. Exit code 77: h5py is not installed."""
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    print("h5py is not installed: skipped")
    sys.exit(77)


def check_period(f, p, scenario_flow, received):
    """The members of period p are the flows of its events, and rows hold 0 on arrival."""
    member_offset = f["period/flow_offset"]
    first, end = member_offset[p], member_offset[p + 1]
    flow = f["period/flow"][first:end] + scenario_flow
    event = f["period/event"][2 * first : 2 * end] + 2 * scenario_flow
    start, fct = f["flow/start_ns"][:][flow], f["flow/fct_ns"][:][flow]
    assert f["period/start_ns"][p] == start.min() and f["period/end_ns"][p] == (start + fct).max()
    order = sorted([(s, 1, i) for i, s in enumerate(start)] + [(t, 0, i) for i, t in enumerate(start + fct)])
    active = set()
    for e, (_, is_arrival, i) in zip(event, order):
        (active.add if is_arrival else active.remove)(i)
        row = received[f["event/received_offset"][e] : f["event/received_offset"][e + 1]]
        assert len(row) >= len(active)
        if is_arrival and len(row) == len(active):
            assert row[sorted(active).index(i)] == 0
    assert not active
    return end - first


def main(path):
    with h5py.File(path, "r") as f:
        assert f.attrs["format"].decode() == "m4-dataset" and f.attrs["format_version"] == 1
        offset, names = f["scenario/name_offset"][:], f["scenario/name"][:]
        names = [names[a:b].tobytes().decode() for a, b in zip(offset[:-1], offset[1:])]
        assert names == ["s%d" % i for i in range(len(names))], names
        flow_offset, period_offset = f["scenario/flow_offset"][:], f["scenario/period_offset"][:]
        assert f["scenario/params"].shape == (len(names), 13)
        units = {}
        f.visititems(lambda name, o: units.update({name: o.attrs["unit"].decode()}) if isinstance(o, h5py.Dataset) else None)
        assert units["flow/fct_ns"] == "ns" and units["link/rate_bps"] == "bit/s" and len(units) == 32, units
        assert (f["flow/fct_ns"][:] >= f["flow/ideal_fct_ns"][:]).all()
        assert len(f["flow/path_link"]) == f["flow/path_offset"][-1] == len(f["flow/queue_bytes"])
        received = f["event/received_bytes"][:]
        members = 0
        for s in range(len(names)):
            for p in range(period_offset[s], period_offset[s + 1]):
                members += check_period(f, p, flow_offset[s], received)
        assert members == flow_offset[-1] == len(f["flow/id"])
    print("%s: %d scenarios, %d flows" % (path, len(names), members))


main(sys.argv[1])
