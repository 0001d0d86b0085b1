"""Replicated tables on this server's links.

replicator  Replication between sidecars on this server: packets over the UDP links, peers' changes to
            subscribers
"""
