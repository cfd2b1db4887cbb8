"""The ring of ring.c from Python: each host sends to the next one when it has received, a delay later.

Usage: ring.py LIBM4SIM.SO TOPOLOGY CONFIG packet|flowsim|m4 [CHECKPOINT]
"""
import ctypes
import math
import sys

HOSTS, TURNS, SIZE_BYTES, DELAY_NS = 8, 2, 100000, 500.0

FlowFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_double)
TimerFunction = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Options(ctypes.Structure):
    """m4_sim_options of m4_sim.h."""

    _fields_ = [
        ("topology_path", ctypes.c_char_p),
        ("config_path", ctypes.c_char_p),
        ("backend", ctypes.c_char_p),
        ("checkpoint_path", ctypes.c_char_p),
        ("params", ctypes.POINTER(ctypes.c_double)),
        ("max_flows", ctypes.c_int64),
        ("max_path_links", ctypes.c_int32),
    ]


class Handle(ctypes.Structure):
    """m4_sim of m4_sim.h."""

    _fields_ = [("state", ctypes.c_void_p)]


def load(path):
    library = ctypes.CDLL(path)
    sim = ctypes.POINTER(Handle)
    library.m4_sim_create.argtypes = [sim, ctypes.POINTER(Options), ctypes.c_char_p, ctypes.c_size_t]
    library.m4_sim_free.argtypes = [sim]
    library.m4_sim_free.restype = None
    library.m4_sim_add_flow.argtypes = [
        sim, ctypes.c_int32, ctypes.c_int32, ctypes.c_int64, FlowFunction, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int64)]
    library.m4_sim_schedule.argtypes = [
        sim, ctypes.c_double, TimerFunction, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int64)]
    library.m4_sim_run_until.argtypes = [sim, ctypes.c_double]
    library.m4_sim_now.argtypes = [sim]
    library.m4_sim_now.restype = ctypes.c_double
    library.m4_sim_error.argtypes = [sim]
    library.m4_sim_error.restype = ctypes.c_char_p
    return library


class Ring:
    def __init__(self, library, options):
        self.library = library
        self.sim = Handle()  # calls get its address
        self.sent = 0
        self.failure = None  # of the first call that failed
        # The library keeps pointers to these: they must live as long as the simulation.
        self.received_pointer = FlowFunction(self.received)
        self.send_next_pointer = TimerFunction(self.send_next)
        error = ctypes.create_string_buffer(512)
        if library.m4_sim_create(self.sim, ctypes.byref(options), error, len(error)):
            sys.exit("ring.py: " + error.value.decode())

    def check(self, status):
        if status and not self.failure:
            self.failure = self.library.m4_sim_error(self.sim).decode()

    def send_next(self, _arg=None):
        src, dst = self.sent % HOSTS, (self.sent + 1) % HOSTS
        self.sent += 1
        self.check(self.library.m4_sim_add_flow(self.sim, src, dst, SIZE_BYTES, self.received_pointer, None, None))

    def received(self, _arg, flow, fct_ns):
        print(f"flow {flow} took {fct_ns:.0f} ns")
        if self.sent < HOSTS * TURNS:
            self.check(self.library.m4_sim_schedule(self.sim, DELAY_NS, self.send_next_pointer, None, None))

    def run(self):
        self.send_next()
        self.check(self.library.m4_sim_run_until(self.sim, math.inf))
        if self.failure:
            sys.exit("ring.py: " + self.failure)
        print(f"{self.sent} transfers in {self.library.m4_sim_now(self.sim):.0f} ns")
        self.library.m4_sim_free(self.sim)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    words = [word.encode() for word in sys.argv[2:]] + [None]
    options = Options(topology_path=words[0], config_path=words[1], backend=words[2], checkpoint_path=words[3])
    Ring(load(sys.argv[1]), options).run()


if __name__ == "__main__":
    main()
