"""The server's interface on the clients' LAN: addresses, ARP frames, carrier, and what others send.

address       Virtual addresses in the kernel, leased: put with a lifetime, renewed, taken, looked at
arp           Sends ARP frames on an interface, and listens for answers
dhcp_snooper  Hears the DHCP talk on one interface's LAN, and asks there which servers answer
port          The LAN as this server's interface shows it: carrier, hardware address, and what other hosts
              send
stale_arp     Frames of clients whose ARP entry for a virtual address is stale: to the hardware address of a
              server that does not hold it any more
"""
