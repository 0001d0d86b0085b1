"""The takeover of connections, in virtual time.

clock        Virtual time, and an asyncio loop for each server's process on it
tcp          One end of a TCP connection; receive has its receiving half
receive      What a segment does to a connection
kernel       A host's kernel: connections, listeners, packet sockets
rules        The packet filter of a model kernel
sockets      Sockets of the model kernel
repair       TCP_REPAIR on a socket of the model kernel
pipes        Connections of a server to itself
packets      Segments as bytes
seams        Where the takeover process meets a kernel, and the model that is put there
middlebox    Packet filters and address translation between clients and servers
network      Ways that lose, delay and double
server       A server: kernel, services, the takeover process, and what its agent replicates
services     The services of a server: http_service and ftp_service, on a reactor
clients      Client programs that check every byte: http_client and ftp_client
files        The published tree
scenario     A scenario as a value and as a text
schedule     Scenarios chosen at random
world        Plays a scenario
judge        What must hold
histories    Many scenarios, and which ones are simpler than one that fails
"""
