"""Tracks the install services' connections on this server's virtual addresses: segments in, records out.

changes           What has changed of the tracked connections and is not told to the peers yet, the urgent
                  first
connection_table  The tracked connections of this server, bounded in total, per client, and for handshakes
data_connections  FTP data connections: which ones the tracked sessions have agreed upon, and what the end of
                  one says about its session's transfer
file_snapshot     Records which state of a file or listing is being sent, at the time the server opens it
handshake         Handshakes: a SYN of either side begins a tracked connection, or completes what is known of
                  it
kernel_list       The tracked connections beside the kernel's own list: what is gone, what was never seen to
                  begin, and how far each client has acknowledged
tracker           The tracker itself: what a segment does to the tracked connections, and their records
"""

from .connection_table import CONNECTION_LIMIT, RECORDS_LIMIT
from .handshake import DEFAULT_OFFER, FTP_PORT, HTTP_PORT
from .kernel_list import PROGRESS_STEP, PROGRESS_TOLD_AT_ONCE
from .tracker import ConnectionTracker

__all__ = [
    "CONNECTION_LIMIT",
    "DEFAULT_OFFER",
    "FTP_PORT",
    "HTTP_PORT",
    "PROGRESS_STEP",
    "PROGRESS_TOLD_AT_ONCE",
    "RECORDS_LIMIT",
    "ConnectionTracker",
]
