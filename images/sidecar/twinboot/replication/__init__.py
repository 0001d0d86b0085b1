"""A table that every server keeps for the others: what one puts into it, all its peers have soon.

Pure: no clock, no socket. A replicated table holds keys and values, not a list of messages: a key that
changes twice before it was sent is sent once, and a peer that comes late gets the table as it stands.

* Every change has a sequence number. A packet says: these are all rows of (after, upto]. So
  packets may be lost, doubled and reordered; the receiver knows what it lacks (receiver.py), and says so
  in its acknowledgements; the sender repeats just that (sender.py).
* A session binds one life of the sender to one life of the receiver, by the boot ids that heartbeats
  have proved. A recording of another life is refused; one of this life says nothing new.
* A session begins with the whole table. It ends when either is started anew, or was away for long.
"""
