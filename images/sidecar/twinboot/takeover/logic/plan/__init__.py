"""Takeover plan of one connection: from its record and the client's position to what is to be done.

The record says what was being sent, the client's position how much of it has arrived. Nothing here touches
a socket or a file; the tree gives the size and the time of a published file.

decide        Decides what becomes of one connection, by what its record says and by its protocol
ftp_control   Takeover plan of an FTP control connection: the replies that the client lacks, and the session's
              state after them
ftp_data      Takeover plan of an FTP data connection: the rest of the file or listing that its session was
              sending
http          Takeover plan of an HTTP connection: which answers are sent on, made anew, or skipped as far as
              the client has them
plans         The takeover plans as values: rebuild, reset or forget; and the client's position, where each
              begins
resume        Where a rebuilt connection resumes: sequence numbers, what is sent again, what counts as sent
              already
same_content  Whether the files, listings and answers of this server are the dead server's: only then may they
              go on
"""

from .decide import plan_takeover, with_server_start
from .ftp_control import speaks_here
from .ftp_data import carries_transfer
from .plans import ClientPosition, Forget, Rebuild, Reset, TakeoverPlan

__all__ = [
    "ClientPosition",
    "Forget",
    "Rebuild",
    "Reset",
    "TakeoverPlan",
    "carries_transfer",
    "plan_takeover",
    "speaks_here",
    "with_server_start",
]
