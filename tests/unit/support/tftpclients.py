"""TFTP clients in virtual time, each as its source says what it does with a block that it does not expect.

A client has the first `have` blocks of a file. block(number, data) -> the numbers that it acknowledges at
once; repeats_s: after so long without a new block it says its last acknowledgement again, None: never;
restarts: any block begins that time anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class TftpClient:
    """got: what it has written. complete: it takes the file for whole."""

    block_bytes: int
    have: int
    got: bytearray = field(default_factory=bytearray)
    complete: bool = False
    repeats_s: float | None = None
    restarts = False
    beyond: dict[int, bytes] = field(default_factory=dict)

    @property
    def last_number(self) -> int:
        return self.have % 65536

    def block(self, number: int, data: bytes) -> list[int]:
        raise NotImplementedError

    def take(self, data: bytes) -> None:
        self.got += data
        self.have += 1
        self.complete = len(data) < self.block_bytes


class Curl(TftpClient):
    """lib/tftp.c: the next block, or the last one again; anything else is logged."""

    def block(self, number: int, data: bytes) -> list[int]:
        if number == (self.have + 1) % 65536:
            self.take(data)
            return [self.last_number]
        return [self.last_number] if number == self.last_number else []


class Grub(TftpClient):
    """grub-core/net/tftp.c: an old block is acknowledged as such; behind block 65535 a number that is not
    below the next one's is taken for it."""

    def block(self, number: int, data: bytes) -> list[int]:
        if number < (self.have + 1) % 65536:
            return [number]
        if number > self.have + 1:
            return []
        self.take(data)
        return [self.last_number]


class Pxelinux(TftpClient):
    """core/fs/pxe/tftp.c: at a wrong block it says its last acknowledgement again."""

    def block(self, number: int, data: bytes) -> list[int]:
        if number == (self.have + 1) % 65536:
            self.take(data)
        return [self.last_number]


class Ipxe(TftpClient):
    """src/net/udp/tftp.c: any block is put where its number says, in the round of the first block that is
    missing; what is acknowledged is the block before that one."""

    def block(self, number: int, data: bytes) -> list[int]:
        place = ((self.have + 1) & ~0xFFFF) + number
        if place > self.have:
            self.beyond[place] = data
        while self.have + 1 in self.beyond:
            self.take(self.beyond.pop(self.have + 1))
        return [self.last_number]


class Repeating(TftpClient):
    """busybox, atftp: the next block and nothing else."""

    def block(self, number: int, data: bytes) -> list[int]:
        if number != (self.have + 1) % 65536:
            return []
        self.take(data)
        return [self.last_number]


class TftpHpa(TftpClient):
    """tftp-hpa's tftp/tftp.c: the next block; of the one before it the acknowledgement once more."""

    restarts = True

    def block(self, number: int, data: bytes) -> list[int]:
        if number == (self.have + 1) % 65536:
            self.take(data)
            return [self.last_number]
        return [self.last_number] if number == self.last_number else []


SILENT: dict[str, type[TftpClient]] = {"curl": Curl, "grub": Grub}
CLIENTS: dict[str, tuple[type[TftpClient], float | None]] = {
    "curl": (Curl, 72.0), "grub": (Grub, None), "pxelinux": (Pxelinux, 2.0), "ipxe": (Ipxe, 1.0),
    "busybox": (Repeating, 0.5), "atftp": (Repeating, 5.0),
    "tftp-hpa": (TftpHpa, 5.0),
}
"""Each with its own pause before it repeats an acknowledgement."""
WITH_TIMEOUT = {"curl", "atftp"}
"""Those that ask for the option `timeout`. (atftp when it is told to.)"""
CONFUSED_BEHIND_65535 = {"grub", "ipxe"}
