"""Replicated tables: each server owns its tables, and copies every change to all its peers.

Pure: no clock, no socket. A table holds keys and values, not a list of messages: a key that changes twice
before it was sent is sent once, and a peer that joins late gets the table as it stands.

* Every change has a sequence number. A packet contains all rows of (after, upto], so packets may be lost,
  duplicated and reordered: the receiver knows which ranges are missing (receiver.py) and acknowledges the
  others; the sender repeats only what is missing (sender.py).
* A session binds one boot of the sender to one boot of the receiver, by the boot ids that heartbeats have
  verified. A replayed packet of another boot is refused; one of this boot changes nothing.
* A session begins with the whole table. It ends when either side restarts, or was away for
  SESSION_TIMEOUT_S (node.py).

table, ranges and lag hold data; sender and receiver are the two ends of a session; node joins them all.
"""
