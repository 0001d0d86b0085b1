"""The DHCP server's leases on this server, and the DHCP talk on its LAN.

dhcp         The DHCP engine's data on this server: puts together its leases, their replication and the DHCP
             snooper
lease_parts  What the leases are kept with, as agent.dhcp.leases uses them
leases       Leases of the whole cluster
presumed     Presumed leases: a client was heard asking a DHCP server that has died, and nobody told of the
             answer
ranges       Dynamic ranges of the site that have no address left, by the leases that every server knows
snooper      Watches the DHCP talk on the LAN: addresses that clients ask for, and servers that are none of
             ours
unbootable   Machines that ask for a boot file and are offered none
unserved     Machines that ask for an address again and again, and take none
"""
