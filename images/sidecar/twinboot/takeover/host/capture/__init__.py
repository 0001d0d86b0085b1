"""What is seen on the wire of clients' connections and downloads, and told to the peers.

capture        The packet socket that captures both directions of the virtual addresses' connections
               (packet(7))
filter         The kernel's filter for the capture: what it lets through, as a program of classic BPF
recorder       Records the connections of the addresses held here: sends each changed record to the agent at
               once
tftp_capture   The packet sockets that see TFTP downloads, and the filters for them (packet(7), classic BPF)
tftp_recorder  Records the TFTP downloads of the addresses held here, and tells the peers within a limit
"""
