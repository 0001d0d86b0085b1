"""Replicated tables on this server's links.

replicator  Replication between sidecars on this server: its packets on the udp links, its changes to
            whoever asks
"""
