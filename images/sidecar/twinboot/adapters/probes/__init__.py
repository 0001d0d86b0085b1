"""Service probes: each uses a daemon of this server once, as a client would, and names the fault.

clients  Uses a service of this server once, as a client would: a file by TFTP, a listing by FTP, a file by
         HTTP, a name by DNS
dhcp     Asks the DHCP server of this server something, without asking for a lease (see wire.net.dhcpinform)
"""
