"""A directory as FTP's LIST and NLST show it (RFC 959 section 4.1.3; the lines are those of ls -l)."""

from __future__ import annotations

import os
import stat
import time


def long(directory: int, now: float) -> bytes:
    """One line for each entry that everybody may read, as `ls -l` writes them, CR LF after each."""
    lines = []
    for name in sorted(os.listdir(directory)):
        try:
            facts = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError:
            continue
        lines.append(_line(name, facts, now))
    return b"".join(lines)


def short(directory: int) -> bytes:
    """The names alone."""
    return b"".join(os.fsencode(name) + b"\r\n" for name in sorted(os.listdir(directory)))


def _line(name: str, facts: os.stat_result, now: float) -> bytes:
    when = time.gmtime(facts.st_mtime)
    recent = 0 <= now - facts.st_mtime < 182 * 86400
    stamp = time.strftime("%b %d %H:%M" if recent else "%b %d  %Y", when)
    head = f"{stat.filemode(facts.st_mode)} {facts.st_nlink:4} 0        0        {facts.st_size:12} {stamp} "
    return head.encode() + os.fsencode(name) + b"\r\n"
