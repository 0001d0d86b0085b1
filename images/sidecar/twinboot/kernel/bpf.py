"""Classic BPF: programs by which the kernel throws away what nobody here wants to read.

Owns the opcodes (linux/bpf_common.h, linux/filter.h; Documentation/networking/filter.rst of the kernel), the
assembler, and a compiler for the plain case: a frame for which every clause holds. A program is bytes, an
array of struct sock_filter; kernel.socket_options attaches it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_LD, _LDX, _ST, _ALU, _JMP, _RET, _MISC = 0, 1, 2, 4, 5, 6, 7
_W, _H, _B = 0x00, 0x08, 0x10
_ABS, _IND, _MEM, _MSH = 0x20, 0x40, 0x60, 0xA0
_ADD, _SUB, _AND, _RSH = 0x00, 0x10, 0x50, 0x70
_JEQ, _JGT, _JSET = 0x10, 0x20, 0x40
_K, _X = 0x00, 0x08
_TAX, _TXA = 0x00, 0x80


class Op(IntEnum):
    """What an instruction does; k is its value, A the accumulator, X the index, M[] the scratch memory."""

    LOAD_WORD = _LD | _W | _ABS
    """A = the 4 bytes at k."""
    LOAD_HALF = _LD | _H | _ABS
    LOAD_BYTE = _LD | _B | _ABS
    LOAD_WORD_AT_X = _LD | _W | _IND
    """A = the 4 bytes at X + k."""
    LOAD_HALF_AT_X = _LD | _H | _IND
    LOAD_BYTE_AT_X = _LD | _B | _IND
    LOAD_MEMORY = _LD | _W | _MEM
    """A = M[k]."""
    LOAD_X_MEMORY = _LDX | _W | _MEM
    LOAD_X_HEADER_LENGTH = _LDX | _B | _MSH
    """X = 4 * (byte at k & 15): the length of an IP header."""
    STORE_MEMORY = _ST
    """M[k] = A."""
    AND = _ALU | _AND | _K
    SHIFT_RIGHT = _ALU | _RSH | _K
    ADD_X = _ALU | _ADD | _X
    SUBTRACT_X = _ALU | _SUB | _X
    A_TO_X = _MISC | _TAX
    X_TO_A = _MISC | _TXA
    IF_EQUAL = _JMP | _JEQ | _K
    IF_GREATER = _JMP | _JGT | _K
    IF_ANY_BIT = _JMP | _JSET | _K
    RETURN = _RET | _K
    """The first k bytes of the frame are accepted; 0: it is dropped."""


_INSTRUCTION = struct.Struct("@HBBI")
"""struct sock_filter: code, jt, jf, k."""
_LONGEST_JUMP = 255
_LONGEST_FILTER = 200
_WHOLE_FRAME = 0x40000
_REJECT = "reject"
_LOADS = {1: Op.LOAD_BYTE, 2: Op.LOAD_HALF, 4: Op.LOAD_WORD}


@dataclass(frozen=True, slots=True)
class Instruction:
    """jump_true, jump_false: the label to go to, empty for the next instruction."""

    op: Op
    value: int = 0
    jump_true: str = ""
    jump_false: str = ""


def assemble(steps: Sequence[Instruction | str]) -> bytes:
    """The program; a text among the instructions is a label, and the place of the next one.

    Labels become distances; they lead forward only, as the kernel demands. ValueError when one cannot.
    """
    places: dict[str, int] = {}
    instructions: list[Instruction] = []
    for step in steps:
        if isinstance(step, Instruction):
            instructions.append(step)
        elif step in places:
            raise ValueError(f"the label {step!r} stands twice")
        else:
            places[step] = len(instructions)

    def distance(at: int, label: str) -> int:
        if not label:
            return 0
        gap = places.get(label, len(instructions)) - at - 1
        if at + 1 + gap >= len(instructions) or not 0 <= gap <= _LONGEST_JUMP:
            raise ValueError(f"instruction {at} cannot jump to {label!r}")
        return gap

    return b"".join(
        _INSTRUCTION.pack(one.op, distance(at, one.jump_true), distance(at, one.jump_false), one.value)
        for at, one in enumerate(instructions)
    )


DROP_ALL = assemble([Instruction(Op.RETURN, 0)])
"""The program that lets nothing through."""


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


def frame_filter(*clauses: Clause) -> bytes:
    """The program that accepts a frame for which every clause holds, whole."""
    steps: list[Instruction | str] = []
    for number, clause in enumerate(clauses):
        holds = f"clause {number} holds"
        steps += [*_clause_steps(clause, holds), holds]
    steps += [Instruction(Op.RETURN, _WHOLE_FRAME), _REJECT, Instruction(Op.RETURN, 0)]
    program = assemble(steps)
    if len(program) > (_LONGEST_FILTER + 1) * _INSTRUCTION.size:
        raise ValueError(f"a filter of {len(program) // _INSTRUCTION.size} instructions is too long")
    return program


def _clause_steps(clause: Clause, holds: str) -> list[Instruction]:
    """Go on at `holds`, which is the next instruction after these, or to the end."""
    if isinstance(clause, OneOf):
        if not clause.values:
            raise ValueError("one of nothing")
        *others, last = clause.values
        return [
            Instruction(_LOADS[clause.size], clause.offset),
            *(Instruction(Op.IF_EQUAL, value, jump_true=holds) for value in others),
            Instruction(Op.IF_EQUAL, last, jump_true=holds, jump_false=_REJECT),
        ]
    high, low = struct.unpack(">IH", clause.mac)
    first, second = Instruction(Op.LOAD_WORD, clause.offset), Instruction(Op.LOAD_HALF, clause.offset + 4)
    if isinstance(clause, NotMac):
        return [
            first, Instruction(Op.IF_EQUAL, high, jump_false=holds),
            second, Instruction(Op.IF_EQUAL, low, jump_true=_REJECT),
        ]
    return [
        first, Instruction(Op.IF_EQUAL, high, jump_false=_REJECT),
        second, Instruction(Op.IF_EQUAL, low, jump_false=_REJECT),
    ]
