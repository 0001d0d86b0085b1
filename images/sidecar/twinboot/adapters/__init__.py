"""The outside world, one resource a module. Adapters know neither each other nor the agent.

Verbs are idempotent and wait a bounded time; errors are ResourceError, with the name of the resource.

clock           The clock the core is fed from
disk            Whether files can be written: a small file is written through to the disk, and removed again
engine          The Docker engine as the sidecar reaches it: through the engine proxy, for the daemons of
                this stack only
exporter        The TCP port of the metrics: answers GET /metrics with a text that is made elsewhere
folder_changes  Tells that something in a folder was written (inotify(7))
keys            Heartbeat keys: files with one line of hexadecimal digits, for root's eyes only
lan/            The server's interface on the clients' LAN: addresses, ARP frames, carrier, and what others
                send
links/          Heartbeat links, one folder a kind: a link is open, or trying to be, for as long as the
                agent lives
machine_store   The records of machines on this server's disk: an SQLite database
nft_table       One nftables table of our own that others may take away: noticed at once, and laid again
permit          What a managed daemon may serve, for its guard (images/dhcpd): one file beside the
                daemon's data
priority        A place in front for this process: a heartbeat must not wait for a busy machine
probes/         Service probes: each uses a daemon of this server once, as a client would, and names the
                fault
records/        What is written down on this server's disk, line after line: the audit log
steer_links     The links by which a host's boot files install it or start its disk
statefile       A small file that outlives a restart: read whole, replaced whole
trees           A file of an install tree as clients get it: there, and open to everyone on its whole way
webhooks/       Receivers of webhooks: one POST, bounded in time and in what is read; the files that it needs
"""
