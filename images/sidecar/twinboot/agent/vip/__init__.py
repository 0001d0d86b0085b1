"""Virtual addresses: carries out what the core asks for, in order.

arp_probes  Asks the LAN who has a virtual address: carries out SendArpProbe, hands the answers to the loop
vips        The thread of the virtual addresses: carries out ClaimVip, RenewVip, DropVip and AnnounceVip
"""
