"""What this server notices of its LAN: carrier, reachability, conflicts.

carriers        Watches the carrier of the heartbeat links' interfaces: a direct cable loses it with the
                peer's power
monitor         Watches the LAN for the core: carrier, reachability and foreign owners of our addresses, as
                events
questions       Asks the LAN for a server that may be dead: carries out SendArpRequests, hands the answers to
                the loop
reachability    Decides from ARP replies and other hosts' frames whether the LAN reaches us and we reach it
request_socket  The socket by which a server asks its LAN by ARP: stays open, and is opened anew when the
                interface is
who_answers     Asks the LAN who answers for addresses: carries out AskWhoAnswers, hands each round's replies
                to the loop
"""
