"""What speaks to the Linux kernel by number: sockets, options and messages that Python has no names for.

Plain values in and out; nothing here knows servers, records or plans.

netlink         sockets, messages and attributes
rtnetlink       addresses and links (messages)
nflog           packets that the packet filter threw away
sock_diag       this kernel's TCP connections
bpf             programs for socket filters: opcodes, assembler, clauses
socket_options  attach a filter, force a buffer
packet_socket   the one place where packet sockets are opened
interface       index, carrier and hardware address of an interface
tcp_repair      a TCP connection made established without a packet
"""
