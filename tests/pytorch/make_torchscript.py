"""Writes the TorchScript folder of tests/data/convert: one module per file, as the reference saves them, with tiny widths. Every number says
where it belongs: element i of the k-th tensor in order of names is (64 k + i % 61) / 32. Debug records are left out to keep the files small.

usage: make_torchscript.py FOLDER"""
import os
import sys
import zipfile

import torch
from torch import Tensor, nn

HIDDEN, GCN_HIDDEN, LAYERS = 4, 6, 3


class SeqCell(nn.Module):
    def __init__(self, n_inputs: int):
        super().__init__()
        self.seq_cell = nn.GRUCell(n_inputs, HIDDEN)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return self.seq_cell(x, h)


class Conv(nn.Module):
    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.lin = nn.Linear(n_in, n_in)
        self.lin_l = nn.Linear(n_in, n_out)
        self.lin_r = nn.Linear(n_in, n_out, bias=False)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        return self.lin_l(torch.relu(self.lin(neighbours))) + self.lin_r(x)


class Layer(nn.Module):
    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.conv = Conv(n_in, n_out)
        self.norm = nn.LayerNorm(n_out)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        return self.norm(self.conv(x, neighbours))


class Gnn(nn.Module):
    def __init__(self, n_in: int, n_out: int):
        super().__init__()
        self.homogeneous_layer = Layer(n_in, n_out)

    def forward(self, x: Tensor, neighbours: Tensor) -> Tensor:
        return self.homogeneous_layer(x, neighbours)


modules = {
    "lstmcell_rate": SeqCell(HIDDEN + 13),
    "lstmcell_time": SeqCell(1),
    "lstmcell_rate_link": SeqCell(HIDDEN),
    "lstmcell_time_link": SeqCell(1),
    "output_layer": nn.Sequential(nn.Linear(HIDDEN + 14, HIDDEN), nn.ReLU(), nn.Dropout(0.2), nn.Linear(HIDDEN, 1)),
}
for layer in range(LAYERS):
    modules[f"gnn_layer_{layer}"] = Gnn(HIDDEN if layer == 0 else GCN_HIDDEN, HIDDEN if layer == LAYERS - 1 else GCN_HIDDEN)

# Names as they are in the model.
parameters = {}
for file, module in modules.items():
    prefix = file.replace("gnn_layer_", "gcn_layers.")
    parameters.update({f"{prefix}.{name}": parameter for name, parameter in module.named_parameters()})
with torch.no_grad():
    for k, name in enumerate(sorted(parameters)):
        parameter = parameters[name]
        parameter.copy_(((64 * k + torch.arange(parameter.numel()) % 61) / 32).reshape(parameter.shape))

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for file, module in modules.items():
    path = os.path.join(folder, f"{file}.pt")
    torch.jit.save(torch.jit.script(module.eval()), path)
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.namelist() if not entry.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for entry, content in entries:
            archive.writestr(zipfile.ZipInfo(entry), content, zipfile.ZIP_STORED)
    torch.jit.load(path)
