"""What this server notices of its LAN: carrier, reachability, conflicts.

monitor       Watches the LAN for the core: carrier, reception and foreign owners of our addresses, as
              events
reachability  Does the LAN hear us, and we it? Judges by what other hosts send; pure, the time is handed in
"""
