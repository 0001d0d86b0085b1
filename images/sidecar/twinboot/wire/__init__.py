"""Bytes to values and back. No sockets, no clocks, no files.

cluster/  What servers say to each other: heartbeats and replication packets, signed, over UDP or a serial
          line
ipc/      What containers of one server say to each other: one JSON object a line
net/      Protocols of the LAN, as far as they are spoken or overheard: ARP, DHCP, DNS, TFTP
sections  Sections of a tag and a length: the form of every format that two servers share
"""
