#!/usr/bin/env python3
"""Writes the environment of U-Boot's program with some variables changed, as its flash chip holds it.

The program for QEMU looks for an EFI program alone when it boots from the network; boards look for PXELINUX's
files, too. Form: CRC-32 of the rest, NAME=VALUE, each ended by a zero byte, one more at the end (env_t of
U-Boot's include/env_internal.h).

usage: uboot_env.py PROGRAM NAME=VALUE ... >CHIP
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

SIZE = 0x40000
"""CONFIG_ENV_SIZE of the program."""
FIRST = b"bootcmd="
"""Of a variable of the default environment that every program has."""


def default(program: bytes) -> dict[str, str]:
    """The environment that the program has built in: ended by two zero bytes, as on the chip."""
    at = program.index(b"\0" + FIRST) + 1
    text = program[at : program.index(b"\0\0", at)].decode()
    return dict(one.split("=", 1) for one in text.split("\0"))


def chip(variables: dict[str, str]) -> bytes:
    text = b"".join(f"{name}={value}\0".encode() for name, value in variables.items())
    data = text.ljust(SIZE - 4, b"\0")
    return struct.pack("<I", zlib.crc32(data)) + data


if __name__ == "__main__":
    changed = dict(one.split("=", 1) for one in sys.argv[2:])
    sys.stdout.buffer.write(chip(default(Path(sys.argv[1]).read_bytes()) | changed))
