"""Trees that several servers keep the same, in virtual time. What decides is the real code; the disks, the
cables and what the servers hear of each other are a model.

histories  What operators, cables, disks and attackers do, drawn at random; then peace, and the judge
judge      What must never be, whatever happens; and what must be when all is well again
world      Servers with disks, cables and replication, as far as tree_sync is concerned
"""
