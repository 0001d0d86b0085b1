"""The server's interface on the clients' LAN: addresses, ARP frames, carrier, and what others send.

address       Virtual addresses in the kernel: put with a lifetime, renewed, taken, looked at
arp           Sends ARP frames on an interface, and listens for answers
dhcp_snooper  Hears the DHCP talk on one interface's LAN, and asks there which servers answer
port          The LAN as this server's interface shows it: carrier, hardware address, and what other hosts
              send
route         The route to the clients' network: there, or put back; and whether the kernel answers ARP
              there
same_lan      Which other interfaces of this machine are in the same LAN as one: what they broadcast is
              heard there
stale_arp     Frames of clients whose ARP entry for a virtual address is stale
traffic       What an interface has sent, in octets
"""
