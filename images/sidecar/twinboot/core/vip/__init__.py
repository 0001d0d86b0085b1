"""One group's virtual address on this server: its states, claims and releases, ARP probes and conflicts.

claim_probing ARP probes before an address is claimed
conflict      ARP address conflict: another host uses an address that is held here (RFC 5227 section 2.4)
foreign_hosts Hosts that answer for an address of ours, and are no server: they do not hold a claim off for
              ever
group         One resource group on this server: the record and the table of allowed transitions
served_elsewhere  A managed service (dhcpd) that another host of the LAN serves: what the LAN says, where no
                  heartbeat tells
transitions   Carries out a group's transitions: claim, release, drop, and the periodic work while it is held
"""
