"""What this server notices of its LAN: carrier, reachability, conflicts.

monitor       Watches the LAN for the core: carrier, reachability and foreign owners of our addresses, as
              events
reachability  Decides from ARP replies and other hosts' frames whether the LAN reaches us and we reach it
"""
