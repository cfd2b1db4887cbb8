#!/usr/bin/python3
"""Writes the scenarios of a dataset as the reference's training folders of .npy files.

    dataset_to_npy.py DATASET/shard-00000.h5 OUT

makes OUT/NAME/ns3/{fsize,fat,flow_to_path,fid_*,fct_*,fct_i_*,param_*,qlen_*,period_*,period_remainsize_*}.npy with
numpy alone, so that reading them back checks the importer against numpy and h5py. The folders in tests/data/npy come
from m4-datagen --from-ns3 tests/data/ns3/trace_incast_pfc and this program (see tests/datagen/import_npy.sh).
Different scenarios use different forms that numpy allows for the same thing.
"""
import os
import sys

import h5py
import numpy as np

TOPOLOGY = "_topology_flows"
THRESHOLD = TOPOLOGY + "_t100000000"


def objects(values):
    """An object array of rank 1 whatever the values are."""
    array = np.empty(len(values), dtype=object)
    for i, value in enumerate(values):
        array[i] = value
    return array


class Scenario:
    def __init__(self, shard, index):
        self.shard = shard
        first_flow, end_flow = shard["scenario/flow_offset"][index : index + 2]
        self.flows = slice(first_flow, end_flow)
        self.n_flows = int(end_flow - first_flow)
        self.links = slice(*shard["scenario/link_offset"][index : index + 2])
        self.periods = slice(*shard["scenario/period_offset"][index : index + 2])
        self.events = slice(2 * first_flow, 2 * end_flow)
        first_byte, end_byte = shard["scenario/name_offset"][index : index + 2]
        self.name = bytes(shard["scenario/name"][first_byte:end_byte]).decode()
        self.params = shard["scenario/params"][index]

    def flow(self, name):
        return self.shard["flow/" + name][self.flows]

    def per_flow(self, name):
        """The values of each flow's hops."""
        offset = self.shard["flow/path_offset"][self.flows.start : self.flows.stop + 1]
        values = self.shard["flow/" + name][offset[0] : offset[-1]]
        return [values[a - offset[0] : b - offset[0]] for a, b in zip(offset, offset[1:])]

    def paths(self):
        link_from, link_to = (self.shard["link/" + end][self.links] for end in ("from", "to"))
        return [[f"{link_from[l]}-{link_to[l]}" for l in path] for path in self.per_flow("path_link")]

    def rows(self):
        """Received bytes after each event, as {flow: bytes}."""
        start, fct = self.flow("start_ns"), self.flow("fct_ns")
        events = sorted([(start[f], 1, f) for f in range(self.n_flows)] +
                        [(start[f] + fct[f], 0, f) for f in range(self.n_flows)])
        offset = self.shard["event/received_offset"][self.events.start : self.events.stop + 1]
        active, rows = set(), []
        for (_, arrival, flow), a, b in zip(events, offset, offset[1:]):
            active.symmetric_difference_update([flow])
            rows.append(dict(zip(sorted(active), self.shard["event/received_bytes"][a:b].tolist())))
        return rows

    def busy_periods(self):
        flow_offset = self.shard["period/flow_offset"][self.periods.start : self.periods.stop + 1]
        rows, periods = self.rows(), []
        for a, b in zip(flow_offset, flow_offset[1:]):
            members = self.shard["period/flow"][a:b].tolist()
            events = self.shard["period/event"][2 * a : 2 * b].tolist()
            inner = [[rows[e][f] for f in members if f in rows[e]] or [0] for e in events]
            periods.append((members, inner))
        return periods


def write(scenario, folder, numpy_values):
    os.makedirs(folder, exist_ok=True)

    def save(name, array):
        np.save(os.path.join(folder, name + ".npy"), array)

    start, fct = scenario.flow("start_ns"), scenario.flow("fct_ns")
    order = sorted((f for f in range(scenario.n_flows) if fct[f] >= 0), key=lambda f: (start[f], f))
    save("fsize", scenario.flow("size_bytes"))
    save("fat", start)
    save("fid" + TOPOLOGY, np.array(order))
    save("fct" + TOPOLOGY, fct[order])
    save("fct_i" + TOPOLOGY, scenario.flow("ideal_fct_ns")[order])
    save("param" + TOPOLOGY, scenario.params)
    save("flow_to_path", objects(scenario.paths()))
    save("flink", np.unique(np.concatenate(scenario.paths())))
    queues, periods = scenario.per_flow("queue_bytes"), scenario.busy_periods()
    if numpy_values:  # numbers and arrays of numpy inside
        save("qlen" + TOPOLOGY, {np.int64(f): q for f, q in enumerate(queues)})
        save("period" + THRESHOLD, objects([tuple(np.array(members)) for members, _ in periods]))
        save("period_remainsize" + THRESHOLD, objects([[np.array(row) for row in rows] for _, rows in periods]))
    else:  # plain Python, and whatever rank numpy makes of it
        save("qlen" + TOPOLOGY, {f: q.tolist() for f, q in enumerate(queues)})
        save("period" + THRESHOLD, np.array([tuple(members) for members, _ in periods], dtype=object))
        save("period_remainsize" + THRESHOLD, np.array([rows for _, rows in periods], dtype=object))
    save("period_remainsize_num" + THRESHOLD, np.array([max(map(len, rows)) for _, rows in periods]))


def main():
    shard, out = h5py.File(sys.argv[1]), sys.argv[2]
    for index in range(len(shard["scenario/params"])):
        scenario = Scenario(shard, index)
        write(scenario, os.path.join(out, scenario.name, "ns3"), index % 2 == 1)


if __name__ == "__main__":
    main()
