"""What a peer must know of a client's connection to go on with it, and how it is learned from the wire.

Pure: bytes and values in, values out; no socket, no clock, no file. The kernel and the files are
takeover.host's.

file_facts        What a published file is known by, so that a taker can tell whether its own is the same
holdings          What a client may hold beyond a hole: it counts as sent on a rebuilt connection
input_hold        Input hold: client packets are held until the peers have them
pieces            What is sent in a dead server's place: bytes, and parts of published files
plan/             Takeover plan of one connection: from its record and the client's position to what is to
                  be done
probe             TCP probes: segments that make a client say where it is
protocols/        FTP, HTTP and TFTP as seen on the wire from both sides
record            What a server replicates about one client's connection
record_codec      The form of a record on the wire: bytes <-> record.ConnectionRecord
set_members       Which addresses are in which set of the packet filter, and for how long still
settle            When a client's position is final, and when its RST is believed
tcp/              TCP itself: segments taken apart, sequence arithmetic, streams put into order
tracker/          Tracks the install services' connections on this server's virtual addresses: segments in,
                  records out
"""
