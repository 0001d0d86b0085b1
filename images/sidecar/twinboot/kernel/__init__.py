"""What speaks to the Linux kernel by number: sockets, options and messages that Python has no names for.

Plain values in and out; nothing here knows servers, records or plans.

bpf                    Classic BPF: programs by which the kernel throws away what nobody here wants to read
conntrack              The kernel's connection tracking is told of a connection that it has not seen
interface              What the kernel says of one interface: netdevice(7), asked by any socket
netlink                Netlink (netlink(7)): its sockets, messages in a datagram, attributes in a message
nflog                  Packets that the packet filter threw away: nfnetlink_log
                       (linux/netfilter/nfnetlink_log.h)
nftables               nftables by its library (libnftables-json(5); nft(8) has the language): commands in,
                       counters out
nftables_notifications nf_tables over netlink (linux/netfilter/nf_tables.h): which parts a table has, and news
                       that tables changed
packet_socket          Packet sockets (packet(7)): opened here alone, with a filter that holds from the first
                       frame on
rtnetlink              rtnetlink messages for IPv4 addresses and routes (rtnetlink(7), netlink(7)): bytes <->
                       values, no socket
sock_diag              The kernel's own list of TCP connections, and an end to some of them: sock_diag(7),
                       linux/inet_diag.h
socket_options         Options of socket(7) that Python has no names for (asm-generic/socket.h), and their
                       verbs
tcp_repair             A TCP connection made established without a packet: TCP_REPAIR (tcp(7); linux/tcp.h)
tcp_settings           What this kernel offers in a SYN, as its sysctls say (ip-sysctl.rst of Linux)
"""
