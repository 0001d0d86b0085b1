"""What servers say to each other: heartbeats and replication packets, signed, over UDP or a serial line.

authentication  What all messages between the sidecars of a cluster have in common: header, signature,
                refusals
fields          The fields of a section's body: strings and bytes with their length first, counted lists
framing         Frames on a byte stream: a serial line carries bytes, heartbeats are messages
heartbeat       The heartbeat message on the wire: bytes <-> core.model.Heartbeat, signed and verified
line_queue      What leaves over a line that may be slower than its sender
readiness       The section of a heartbeat that says what its sender lacks to take over
replication     The replication packets between sidecars on the wire: bytes <-> values, signed and verified
site_section    The section of a heartbeat that says where its sender is and by which site it works
telling         Sections of a heartbeat that say how its sender measures and reaches the others
"""
