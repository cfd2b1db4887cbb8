#!/usr/bin/env python3
"""Developer tool: every field of ns-3's decoded packet traces against ours.

check_traces.py M4_SIM DIR...: simulates every folder below DIR that has trace_decoded.txt with --trace, decodes our mix.tr with a reader of its
own and compares line by line; exit code 1 when any line differs or there is no such folder. Knows the format alone (packet-simulator.md 8).
"""
import gzip
import os
import struct
import subprocess
import sys
import tempfile

EVENTS = ("Recv", "Enqu", "Dequ", "Drop")
DATA, NACK, PFC = 0x11, 0xFD, 0xFE
PORT_BYTES, RECORD_BYTES = 11, 64


def decode(record):
    """One record as a line of trace_decoded.txt, field by field."""
    time, node, port, queue, queue_bytes, src, dst, size, kind, event, ecn = struct.unpack_from("<QHBBIIIHBBB", record)
    flow, = struct.unpack_from("<I", record, 32)
    where = (time, EVENTS[event], node, port, queue, queue_bytes, size)
    if kind == PFC:
        pause_time, _, paused_queue = struct.unpack_from("<IIB", record, 40)
        return where + ("P", "-", "-", paused_queue, "pause" if pause_time else "resume", 0, 0, ecn, flow)
    if kind == DATA:
        source_port, destination_port, sequence, payload = struct.unpack_from("<HHI10xH", record, 40)
        tail = (sequence, payload, ecn)
    else:
        source_port, destination_port, flags, _, sequence = struct.unpack_from("<HHHHI", record, 40)
        tail = (sequence, 0, flags)
    letter = "U" if kind == DATA else "N" if kind == NACK else "A"
    return where + (letter, src >> 8 & 0xFFFF, dst >> 8 & 0xFFFF, source_port, destination_port) + tail + (flow,)


def lines_of_trace(path):
    with open(path, "rb") as file:
        trace = file.read()
    n_ports, = struct.unpack_from("<I", trace)
    begin = 4 + n_ports * PORT_BYTES + 4
    return [" ".join(map(str, decode(trace[i : i + RECORD_BYTES]))) for i in range(begin, len(trace), RECORD_BYTES)]


def lines_of_text(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt") as file:
        return [line.rstrip("\n") for line in file if not line.startswith("#")]


def check(program, folder, text):
    """True if our trace of the folder says the same as the text."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([program, "--scenario", folder, "--backend", "packet", "--trace", "--quiet", "--out", out], check=True)
        ours = lines_of_trace(os.path.join(out, "mix.tr"))
    truth = lines_of_text(os.path.join(folder, text))
    equal = sum(a == b for a, b in zip(ours, truth))
    print("%-50s %d of %d lines equal, ours has %d" % (folder, equal, len(truth), len(ours)))
    if ours == truth:
        return True
    for line, (a, b) in enumerate(zip(ours, truth)):
        if a != b:
            print("  line %d: %s\n  instead of %s" % (line, a, b))
            break
    return False


def main(program, *roots):
    folders = sorted((folder, name) for root in roots for folder, _, names in os.walk(root)
                     for name in names if name in ("trace_decoded.txt", "trace_decoded.txt.gz"))
    n_equal = sum(check(program, folder, name) for folder, name in folders)
    print("%d of %d folders equal" % (n_equal, len(folders)))
    return n_equal < len(folders) or not folders


if len(sys.argv) < 3:
    sys.exit(__doc__)
sys.exit(main(*sys.argv[1:]))
