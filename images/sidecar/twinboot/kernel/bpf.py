"""Classic BPF: small socket filters that let the kernel throw away what nobody here wants to read.

Owns the few shapes of filter this project needs, as programs for SO_ATTACH_FILTER (socket(7);
Documentation/networking/filter.rst of the kernel). Attaches nothing.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Sequence
from dataclasses import dataclass

SO_ATTACH_FILTER = 26

_LD = {1: 0x30, 2: 0x28, 4: 0x20}
"""BPF_LD | BPF_ABS by the size of what is loaded."""
_JEQ = 0x15
_RET = 0x06
_ACCEPT = 0x40000
_JUMP_TO_REJECT = -1
"""Stands for the jump to the end until the end is known."""
_MAX_INSTRUCTIONS = 200

_RawInstruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class OneOf:
    """A number of `size` bytes at `offset` is one of the values."""

    offset: int
    size: int
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class NotMac:
    """The hardware address at `offset` is another one."""

    offset: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class IsMac:
    """The hardware address at `offset` is this one."""

    offset: int
    mac: bytes


Clause = OneOf | NotMac | IsMac

MATCH_NOTHING = OneOf(0, 1, (256,))
"""Holds for no frame: no byte is 256."""


class BpfProgram:
    """Code for a socket. `option` is the value for setsockopt; it is good as long as this object lives."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self._buffer = array.array("B", code)

    @property
    def option(self) -> bytes:
        """struct sock_fprog: the number of instructions, and where they are."""
        return struct.pack("@HL", len(self.code) // 8, self._buffer.buffer_info()[0])


class FrameFilter(BpfProgram):
    """The program that accepts a frame for which every clause holds."""

    def __init__(self, *clauses: Clause) -> None:
        super().__init__(compile_clauses(clauses))


def compile_clauses(clauses: Sequence[Clause]) -> bytes:
    """Accept a frame for which every clause holds."""
    steps: list[_RawInstruction] = []
    for clause in clauses:
        steps += _clause_instructions(clause)
    steps += [(_RET, 0, 0, _ACCEPT), (_RET, 0, 0, 0)]
    end = len(steps) - 1
    if end > _MAX_INSTRUCTIONS:
        raise ValueError(f"a filter of {end} steps is too long")
    return b"".join(
        struct.pack(
            "@HBBI", code, *(end - at - 1 if jump == _JUMP_TO_REJECT else jump for jump in (yes, no)), value
        )
        for at, (code, yes, no, value) in enumerate(steps)
    )


def _clause_instructions(clause: Clause) -> list[_RawInstruction]:
    if isinstance(clause, OneOf):
        if not clause.values:
            raise ValueError("one of nothing")
        last = len(clause.values) - 1
        return [(_LD[clause.size], 0, 0, clause.offset)] + [
            (_JEQ, last - at, _JUMP_TO_REJECT if at == last else 0, value)
            for at, value in enumerate(clause.values)
        ]
    high, low = struct.unpack(">IH", clause.mac)
    first = (_LD[4], 0, 0, clause.offset)
    second = (_LD[2], 0, 0, clause.offset + 4)
    if isinstance(clause, NotMac):
        return [first, (_JEQ, 0, 2, high), second, (_JEQ, _JUMP_TO_REJECT, 0, low)]
    return [first, (_JEQ, 0, _JUMP_TO_REJECT, high), second, (_JEQ, 0, _JUMP_TO_REJECT, low)]


DROP_ALL = struct.pack("@HBBI", 0x06, 0, 0, 0)
"""The program that lets nothing through."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; yes, no: the label to go to, empty for the next instruction."""

    code: int
    value: int = 0
    jump_true: str = ""
    jump_false: str = ""


def assemble(instructions: Sequence[Instruction | str]) -> bytes:
    """Labels become distances; they lead forward only, as the kernel demands."""
    places: dict[str, int] = {}
    plain: list[Instruction] = []
    for step in instructions:
        if isinstance(step, str):
            places[step] = len(plain)
        else:
            plain.append(step)

    def jump(at: int, label: str) -> int:
        return places[label] - at - 1 if label else 0

    return b"".join(
        struct.pack("@HBBI", step.code, jump(at, step.jump_true), jump(at, step.jump_false), step.value)
        for at, step in enumerate(plain)
    )
