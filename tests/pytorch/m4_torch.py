"""The m4 model in plain PyTorch, for comparing with the C code: same dataset files, same weights files, same order of events.

Written from the model's description only; knows nothing of the C sources. Needs torch, numpy, h5py (apt: python3-torch python3-h5py).
"""
import glob
import json
import os
import struct

import h5py
import numpy as np
import torch

N_PARAMS = 13


def read_safetensors(path):
    """-> (dict name -> torch.float32 tensor, metadata dict)."""
    with open(path, "rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
        body = stream.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy())
    return tensors, metadata


class Sage(torch.nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.homogeneous_layer = torch.nn.Module()
        conv = torch.nn.Module()
        conv.lin = torch.nn.Linear(n_in, n_in)
        conv.lin_l = torch.nn.Linear(n_in, n_out)
        conv.lin_r = torch.nn.Linear(n_in, n_out, bias=False)
        self.homogeneous_layer.conv = conv
        self.homogeneous_layer.norm = torch.nn.LayerNorm(n_out)

    def forward(self, x, source, target):
        conv = self.homogeneous_layer.conv
        messages = torch.relu(conv.lin(x))
        total = torch.zeros_like(messages).index_add(0, target, messages[source])
        return self.homogeneous_layer.norm(conv.lin_l(total) + conv.lin_r(x))


class Gru(torch.nn.Module):
    def __init__(self, n_in, hidden):
        super().__init__()
        self.seq_cell = torch.nn.GRUCell(n_in, hidden)

    def forward(self, x, h):
        return self.seq_cell(x, h)


def head(n_in, n_middle, dropout):
    return torch.nn.Sequential(torch.nn.Linear(n_in, n_middle), torch.nn.ReLU(), torch.nn.Dropout(dropout),
                               torch.nn.Linear(n_middle, 1))


class M4(torch.nn.Module):
    def __init__(self, hidden=200, gcn_hidden=300, layers=3, dropout=0.0):
        super().__init__()
        widths = [hidden] + [gcn_hidden] * (layers - 1) + [hidden]
        self.hidden = hidden
        self.gcn_layers = torch.nn.ModuleList(Sage(a, b) for a, b in zip(widths, widths[1:]))
        self.lstmcell_rate = Gru(hidden + N_PARAMS, hidden)
        self.lstmcell_time = Gru(1, hidden)
        self.lstmcell_rate_link = Gru(hidden, hidden)
        self.lstmcell_time_link = Gru(1, hidden)
        self.output_layer = head(hidden + 1 + N_PARAMS, hidden, dropout)
        self.remain_size_layer = head(hidden, hidden, dropout)
        self.queue_len_layer = head(hidden, hidden, dropout)

    @staticmethod
    def from_file(path, dropout=0.0):
        tensors, metadata = read_safetensors(path)
        model = M4(int(metadata["hidden_size"]), int(metadata["gcn_hidden_size"]), int(metadata["gcn_n_layer"]), dropout)
        model.load_state_dict(tensors)
        return model

    def event(self, sample, event, h, z):
        """Teacher-forced event: new (h, z) and the two auxiliary error sums by flow and by link."""
        active, links, source, target, dt = sample.active[event], sample.links[event], sample.source[event], sample.target[event], \
            sample.dt[event]
        hf, zl = h[active], z[links]
        if dt > 0:
            hf = self.lstmcell_time(dt.expand(len(active), 1), hf)
            zl = self.lstmcell_time_link(dt.expand(len(links), 1), zl)
        size_error = queue_error = None
        if sample.size_label[event] is not None:
            size_error = (self.remain_size_layer(hf)[:, 0] - sample.size_label[event]).abs().sum()
        if sample.queue_label[event] is not None:
            rows = sample.queue_row[event]
            queue_error = (self.queue_len_layer(z.index_copy(0, links, zl)[rows])[:, 0] - sample.queue_label[event]).abs().sum()
        x = torch.cat([hf, zl])
        for layer in self.gcn_layers:
            x = layer(x, source, target)
        n = len(active)
        hf = self.lstmcell_rate(torch.cat([x[:n], sample.params[active]], 1), hf)
        zl = self.lstmcell_rate_link(x[n:], zl)
        return h.index_copy(0, active, hf), z.index_copy(0, links, zl), size_error, queue_error

    def losses(self, sample, weight_size=0.005, weight_queue=0.005, link_slots=96):
        """The reference's loss of one busy period: dict with total, fct, size, queue."""
        dtype = sample.params.dtype
        h = torch.zeros(sample.n_flows, self.hidden, dtype=dtype)
        h[:, 0], h[:, 2], h[:, 3] = 1.0, sample.size_feature, sample.n_links
        z = torch.zeros(sample.n_links_used, self.hidden, dtype=dtype)
        z[:, 1], z[:, 2] = 1.0, 1.0
        size = queue = torch.zeros((), dtype=dtype)
        for event in range(2 * sample.n_flows):
            if len(sample.active[event]) == 0:
                continue
            h, z, size_error, queue_error = self.event(sample, event, h, z)
            size = size if size_error is None else size + size_error
            queue = queue if queue_error is None else queue + queue_error
        slowdown = self.output_layer(torch.cat([sample.n_links[:, None], sample.params, h], 1))[:, 0]
        fct = (slowdown / sample.target_slowdown - 1).abs().mean()
        size, queue = weight_size * size / sample.n_flows, weight_queue * queue / link_slots
        return {"total": fct + size + queue, "fct": fct, "size": size, "queue": queue}


class Sample:
    """One busy period as the model reads it."""

    def __init__(self, size_bytes, start, fct, ideal, params, paths, queues, received_of):
        n = len(size_bytes)
        self.n_flows = n
        self.size_feature = torch.log2(torch.tensor(size_bytes, dtype=torch.float64) / 1000 + 1).float()
        self.n_links = torch.tensor([len(path) for path in paths], dtype=torch.float32)
        self.params = torch.tensor(params, dtype=torch.float32).expand(n, N_PARAMS)
        self.target_slowdown = torch.tensor(fct / ideal, dtype=torch.float64).float()
        link_row = {link: row for row, link in enumerate(sorted({link for path in paths for link in path}))}
        self.n_links_used = len(link_row)
        rows = [[link_row[link] for link in path] for path in paths]
        events = sorted([(start[f] + fct[f], 0, f) for f in range(n)] + [(start[f], 1, f) for f in range(n)])
        self.active, self.links, self.source, self.target, self.dt = [], [], [], [], []
        self.size_label, self.queue_label, self.queue_row = [], [], []
        active, previous = [], events[0][0]
        for number, (time, arrives, flow) in enumerate(events):
            active = sorted(active + [flow]) if arrives else [f for f in active if f != flow]
            links = sorted({link for f in active for link in rows[f]})
            node = {link: len(active) + i for i, link in enumerate(links)}
            pairs = [(i, node[link]) for i, f in enumerate(active) for link in rows[f]]
            self.active.append(torch.tensor(active, dtype=torch.long))
            self.links.append(torch.tensor(links, dtype=torch.long))
            self.source.append(torch.tensor([a for a, _ in pairs] + [b for _, b in pairs], dtype=torch.long))
            self.target.append(torch.tensor([b for _, b in pairs] + [a for a, _ in pairs], dtype=torch.long))
            self.dt.append(torch.tensor(np.float32((time - previous) / 1000.0)))
            previous = time
            received = received_of(number, active)
            remaining = None if received is None else (size_bytes[active] - received) / size_bytes[active]
            good = remaining is not None and len(active) > 0 and (remaining >= 0).all()
            self.size_label.append(torch.tensor(remaining, dtype=torch.float64).float() if good else None)
            known = arrives and (queues[flow] >= 0).all()
            self.queue_label.append(torch.tensor(np.cbrt(queues[flow] + 1e-6)).float() if known else None)
            self.queue_row.append(torch.tensor(rows[flow], dtype=torch.long) if known else None)


    def to(self, dtype):
        """The same float32 values in another precision."""
        convert = lambda value: value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in vars(self).items():
            setattr(self, name, [convert(item) for item in value] if isinstance(value, list) else convert(value))
        return self


class Dataset:
    """Busy periods of a shard or a folder of shards, numbered as the C code numbers them."""

    def __init__(self, path):
        files = sorted(glob.glob(os.path.join(path, "*.h5"))) if os.path.isdir(path) else [path]
        self.files = [h5py.File(name, "r") for name in files]
        self.first = np.concatenate([[0], np.cumsum([len(f["period/start_ns"]) for f in self.files])])

    def __len__(self):
        return int(self.first[-1])

    def sample(self, period):
        shard = int(np.searchsorted(self.first, period, side="right")) - 1
        f, p = self.files[shard], int(period - self.first[shard])
        s = int(np.searchsorted(f["scenario/period_offset"][:], p, side="right")) - 1
        flow0, flow1 = f["scenario/flow_offset"][s:s + 2]
        begin, end = f["period/flow_offset"][p:p + 2]
        members = f["period/flow"][begin:end].astype(np.int64)
        events = f["period/event"][2 * begin:2 * end]
        column = lambda name: f["flow/" + name][flow0:flow1]
        start, fct = column("start_ns"), column("fct_ns")
        hop = f["flow/path_offset"][flow0:flow1 + 1]
        paths = [f["flow/path_link"][hop[m]:hop[m + 1]].tolist() for m in members]
        queues = [f["flow/queue_bytes"][hop[m]:hop[m + 1]].astype(np.float64) for m in members]
        offsets = f["event/received_offset"][2 * flow0:2 * flow1 + 1]
        order = sorted([(start[i] + fct[i], 0, i) for i in range(len(start))] + [(start[i], 1, i) for i in range(len(start))])
        wanted = set(events.tolist())
        rows, active = {}, set()
        for number, (_, arrives, flow) in enumerate(order):
            (active.add if arrives else active.discard)(flow)
            if number in wanted:
                rows[number] = sorted(active)

        def received_of(number, local):
            event = int(events[number])
            values = dict(zip(rows[event], f["event/received_bytes"][offsets[event]:offsets[event + 1]].tolist()))
            if len(local) == 0 or any(int(members[i]) not in values for i in local):
                return None
            return np.array([values[int(members[i])] for i in local], dtype=np.float64)

        return Sample(column("size_bytes")[members].astype(np.float64), start[members], fct[members],
                      column("ideal_fct_ns")[members], f["scenario/params"][s], paths, queues, received_of)
