"""Virtual addresses: carries out what the core asks for, in order.

address_watch  Looks at the kernel as soon as one of our addresses goes; without it, the look of every second
               will do
arp_probes     Asks the LAN who has a virtual address: carries out SendArpProbe, hands the answers to the loop
claims         Whether a claim may still be carried out: the process has run all the time since it was decided
command_queue  Which command about the virtual addresses comes next. Pure; the simulation uses it, too
stale_arp      Serves clients whose ARP entry for a virtual address is stale: decides, adapters.lan.stale_arp
               does it
vips           The thread of the virtual addresses: carries out ClaimVip, RenewVip, DropVip and AnnounceVip
"""
