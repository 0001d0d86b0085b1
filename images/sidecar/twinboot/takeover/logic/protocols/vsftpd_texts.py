"""The texts of vsftpd's replies, and whether what an FTP server says is among them.

What a taker says in a dead server's place are vsftpd's words. So it goes on only with sessions of which it is
known that vsftpd led them: the server's image names its dialect (DIALECT, images/README.md), and every reply
on the wire is compared with these texts. One that is none of them is another server's, or another release's.
"""

from __future__ import annotations

import re

from .ftp import REPLY_TAIL_BYTES

DIALECT = "vsftpd-3.0"
"""As in daemons.py."""
_GREETING = b"220"
_TEXTS = frozenset((
    b"Here comes the directory listing.", b"Ok to send data.", b"Switching to Binary mode.",
    b"Switching to ASCII mode.", b"Unrecognised TYPE command.", b"NOOP ok.", b"UNIX Type: L8", b"Goodbye.",
    b"PORT command successful. Consider using PASV.", b"Illegal PORT command.",
    b"EPRT command successful. Consider using EPSV.", b"Bad EPRT command.", b"Bad EPRT protocol.",
    b"Illegal EPRT command.", b"EPSV ALL ok.", b"Bad network protocol.", b"Structure set to F.",
    b"Bad STRU command.", b"Mode set to S.", b"Bad MODE command.", b"ALLO command ignored.",
    b"Always in UTF8 mode.", b"Option not understood.", b"Features:", b"End", b"FTP server status:",
    b"End of status", b"Status follows:", b"File modification time set.",
    b"Could not set file modification time.", b"Could not get file modification time.",
    b"Could not get file size.", b"The following commands are recognized.", b"Help OK.", b"CHMOD UMASK HELP",
    b"Unknown SITE command.", b"Unknown command.", b"Input line too long.", b"Bad HTTP verb.",
    b"HTTP protocol commands not allowed.", b"REIN not implemented.", b"ACCT not implemented.",
    b"SMNT not implemented.", b"No transfer to ABOR.", b"ABOR successful.", b"Transfer complete.",
    b"Directory send OK.", b"Transfer done (but failed to open directory).", b"Login successful.",
    b"Already logged in.", b"Please specify the password.", b"Any password will do.", b"Login incorrect.",
    b"Login with USER first.", b"Please login with USER and PASS.", b"This FTP server is anonymous only.",
    b"Can't change from guest user.", b"Can't change to another user.", b"Permission denied.",
    b"Directory successfully changed.", b"Failed to change directory.", b"Failed to open file.",
    b"No support for resume of ASCII transfer.", b"Could not create file.", b"Use PORT or PASV first.",
    b"Failed to establish connection.", b"Security: Bad IP connecting.", b"Failure writing network stream.",
    b"Failure reading network stream.", b"Failure reading local file.", b"Failure writing to local file.",
    b"Timeout.", b"Data timeout. Reconnect. Sorry.", b"Service not available.", b"Ready for RNTO.",
    b"RNFR command failed.", b"RNFR required first.", b"Rename successful.", b"Rename failed.",
    b"Delete operation successful.", b"Delete operation failed.",
    b"Create directory operation failed.", b"Remove directory operation successful.",
    b"Remove directory operation failed.", b"Data connections must be encrypted.", b"PBSZ set to 0.",
    b"PBSZ needs a secure connection.", b"PROT needs a secure connection.", b"Unknown AUTH type.",
    b"There are too many connected users, please try later.",
    b"There are too many connections from your internet address.",
))
_PATTERN = re.compile(
    rb"\d+|Opening (?:BINARY|ASCII) mode data connection for .* \(\d+ bytes\)\."
    rb"|Entering Passive Mode \(\d+(?:,\d+){5}\)\.|Entering Extended Passive Mode \(\|\|\|\d+\|\)"
    rb"|Restart position accepted \(\d+\)\.|\".*\" (?:is the current directory|created)"
    rb"|OOPS: .*|FILE: .*",
    re.S)
_REPLY = re.compile(rb"^(\d{3})[ -](.*)$", re.S)


def is_known_reply(line: bytes) -> bool:
    """Whether vsftpd says this: the first or the last line of a reply. A greeting is the site's own."""
    found = _REPLY.match(line)
    return found is not None and (
        found[1] == _GREETING or found[2] in _TEXTS or _PATTERN.fullmatch(found[2]) is not None)


def are_known_replies(said: bytes) -> bool:
    """Whether the complete lines of what was said last, cut off at its beginning, are all vsftpd's."""
    lines = said.split(b"\r\n")[:-1]
    # What is left of the first line may look like one: "000 bytes)."
    return all(is_known_reply(line) for number, line in enumerate(lines)
               if _REPLY.match(line) and (number or len(said) < REPLY_TAIL_BYTES))
