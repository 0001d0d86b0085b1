"""The takeover of connections, in virtual time.

clock        Virtual time, and an asyncio loop for each server's process on it
tcp          One end of a TCP connection; receive has its receiving half
receive      What a segment does to a connection
kernel       A host's kernel: connections, listeners, packet sockets
rules        The packet filter of a model kernel
sockets      Sockets of the model kernel, with TCP_REPAIR
packets      Segments as bytes
seams        Where the takeover process meets a kernel, and the model that is put there
middlebox    Packet filters and address translation between clients and servers
network      Ways that lose, delay and double
server       A server: kernel, services, the takeover process, and what its agent replicates
services     What nginx and vsftpd do
clients      Client programs that check every byte
files        The published tree
scenario     A scenario as a value and as a text
schedule     Scenarios chosen at random
world        Plays a scenario
judge        What must hold
histories    Many scenarios, and the smallest that fails
"""
