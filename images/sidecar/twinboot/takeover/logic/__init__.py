"""Connection takeover, the pure part: what a peer must know of a client's connection to continue it.

Bytes and values in, values out; no socket, no clock, no file. The kernel part (packet sockets, TCP_REPAIR,
nftables) is in kernel and takeover/host, as is the process that uses both.

    tracker           every connection of this server: segments in, records out
    connection_table  the tracked connections, bounded by kind and client
    record            what is replicated about one connection; record_codec: its form on the wire
    input_hold        client input that is held until the peers have its record
    file_snapshot     which state of a file or listing a server begins to send
    plan              record and client position in, takeover plan out
    settle            when a client's position is final after an orderly move
    protocols         ftp, vsftpd_replies, http, http_heads, tftp: protocol state as seen on the wire
    tcp               seq, segment, reassembly
"""
