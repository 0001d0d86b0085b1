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

table, ranges, overwritten and lag hold data; sender and receiver are the two ends of a session; node joins
them all.

lag       Replication lag: how long changes of one table wait for the acknowledgement of each peer
node      One server's end of replication: its own tables, the sessions with each peer, batching and rate
          limit
overwritten  Rows that were overwritten before a peer had them: which of them it lacks although their range
          has arrived
ranges    The set of sequence numbers that have arrived: all up to one number, and ranges beyond it
receiver  Receiver session: which rows of a packet are new, and what to acknowledge
sender    Sender session: what to send to one peer, what to repeat, and when
table     One table at its owner: keys, values, and the order of their latest changes
"""
