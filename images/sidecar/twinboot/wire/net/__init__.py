"""Protocols of the LAN, as far as they are spoken or overheard: ARP, DHCP, DNS, TFTP.

arp          ARP over Ethernet (RFC 826): announcements, probes and a parser
dhcp         DHCP messages as a snooper on the LAN sees them, and the question that finds DHCP servers
dhcp_packet  What every DHCP message is made of: BOOTP with options, in UDP, in IP, in an Ethernet frame
dhcpinform   A DHCPINFORM of this server to its own DHCP server, and the answer (RFC 2131 section 4.3.5)
dns          DNS as one question and the head of its answer (RFC 1035 section 4)
tftp         TFTP as a client's first words (RFC 1350): ask for a file, read the answer, end it in good
             order
"""
