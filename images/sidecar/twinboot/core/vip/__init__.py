"""A group's address on this server: group (record and allowed transitions), transitions (their effects),
witness (ARP probes before a claim), conflict (another host uses the address)."""
