"""Replicated tables on this server's links.

asking      A server asks its peers something that only they know
replicator  Replication between sidecars on this server: packets over the UDP links, peers' changes to
            subscribers
site_copies The peers' site files, for `twinboot diff`: each server keeps those that the others work by
"""
