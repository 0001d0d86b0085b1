"""Directory listings as vsftpd's LIST and NLST send them (RFC 959 section 4.1.3), byte for byte.

Lines like those of `ls -l`, owners hidden, times in UTC, sorted by name as bytes. Of nginx's listings
(ngx_http_autoindex_module) only what they are made from is known here: a digest of it.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time

from twinboot.takeover.logic.protocols.ftp import ListingFormat

_RECENT_S = 182 * 86400
_LOWEST, _DELETE = 0x20, 0x7F


def directory_listing(
    directory: int,
    listing_format: ListingFormat,
    now: float,
    *,
    parent: int | None = None,
    only: bytes = b"",
    limit: int | None = None,
) -> bytes | None:
    """The listing; None if it has more than `limit` entries, or a name that vsftpd would not show unchanged.

    parent: the directory above, for the entry `..`. only: list this name alone. OSError: not a directory.
    """
    names = [os.fsencode(name) for name in os.listdir(directory)]
    if limit is not None and len(names) > limit:
        return None
    names = [
        name
        for name in names
        if only in (b"", name) and (ListingFormat.DOTS in listing_format or name[:1] != b".")
    ]
    if any(byte < _LOWEST or byte == _DELETE for name in names for byte in name):
        return None
    if ListingFormat.DOTS in listing_format and not only:
        names += [b".", b".."]
    names.sort()
    if ListingFormat.LONG not in listing_format:
        return b"".join(name + b"\r\n" for name in names)
    lines = []
    for name in names:
        try:
            lines.append(_line(name, directory, parent, now))
        except OSError:
            continue  # deleted meanwhile
    return b"".join(lines)


def web_listing_digest(directory: int, limit: int) -> int | None:
    """63 bits over what nginx lists: name, kind, time to the minute and, of a file, size of each entry that
    does not begin with a dot. None: more than `limit` entries. OSError: not a directory."""
    names = sorted(name for name in map(os.fsencode, os.listdir(directory)) if name[:1] != b".")
    if len(names) > limit:
        return None
    digest = hashlib.sha256()
    for name in names:
        try:
            facts = os.stat(name, dir_fd=directory)
        except OSError:
            try:
                facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
            except OSError:
                continue  # deleted meanwhile
        is_directory = stat.S_ISDIR(facts.st_mode)
        size = 0 if is_directory else facts.st_size
        digest.update(b"%d %d %d %d " % (len(name), is_directory, facts.st_mtime // 60, size) + name)
    return int.from_bytes(digest.digest()[:8], "big") >> 1


def _line(name: bytes, directory: int, parent: int | None, now: float) -> bytes:
    if name == b"..":
        facts = os.fstat(directory if parent is None else parent)
    else:
        facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
    recent = 0 <= now - facts.st_mtime <= _RECENT_S
    stamp = time.strftime("%b %d %H:%M" if recent else "%b %d  %Y", time.gmtime(facts.st_mtime))
    head = f"{stat.filemode(facts.st_mode)} {facts.st_nlink:4} 0        0        {facts.st_size:8} {stamp} "
    target = b" -> " + os.readlink(name, dir_fd=directory) if stat.S_ISLNK(facts.st_mode) else b""
    return head.encode() + name + target + b"\r\n"
