# Sources of the packet simulator, relative to sim/; always optimised as far as exact arithmetic allows.
set(M4_PACKET_SOURCES
  packet/base_rtt.c packet/event_queue.c packet/flows.c packet/explain.c packet/host.c packet/links.c packet/mrg32k3a.c packet/nic.c packet/packet.c packet/paths.c packet/port.c
  packet/report.c packet/trace.c packet/trace_read.c packet/settings.c packet/settings_keys.c packet/settings_make.c packet/setup.c packet/submit.c packet/switch.c
  packet/cc/cc.c packet/cc/dctcp.c packet/cc/dcqcn.c packet/cc/hpcc.c packet/cc/timely.c packet/backend.c)
