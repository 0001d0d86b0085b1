"""Bytes to values and back: heartbeat messages and ARP frames. No sockets, no clocks, no files."""
