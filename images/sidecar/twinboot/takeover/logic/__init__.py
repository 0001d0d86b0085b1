"""What a peer must know of a client's connection to go on with it, and how it is learned from the wire.

Pure: bytes and values in, values out; no socket, no clock, no file. The kernel part (packet sockets,
TCP_REPAIR, the packet filter) is in adapters; the process that uses both is takeover.

    seq       32-bit sequence arithmetic
    segment   a frame taken apart, and probes put together
    lines     a byte stream cut into lines, with a bound
    ftp       one FTP control connection as seen from both sides
    http      one HTTP connection as seen from both sides
    record    what is told to the peers about one connection
    tracker   every connection of this server: segments in, records out
    looking   which state of a file or listing a server begins to send
    plan      a record and the client's own answer in, what the taker is to do out
"""
