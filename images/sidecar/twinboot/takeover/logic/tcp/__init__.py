"""TCP itself: segments taken apart, sequence arithmetic, streams put into order.

reassembly  Reassembly of one direction of a TCP connection, and splitting into lines; both bounded
segment     TCP segments: parsed from Ethernet frames, and built
seq         Arithmetic of TCP sequence numbers: modulo 2^32 (RFC 9293 section 3.4)
"""
