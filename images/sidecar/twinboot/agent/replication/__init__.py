"""Replicated tables on this server's links.

asking      A server asks its peers something that only they know
documents   A document in rows of a replicated table: compressed JSON, each row in one packet
replicator  Replication between sidecars on this server: packets over the UDP links, peers' changes to
            subscribers
site_copies The peers' site files, for `twinboot diff`: each server keeps those that the others work by
"""
