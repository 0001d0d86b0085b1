"""The assembler of packet filters: labels, and what it refuses before the kernel would."""

from __future__ import annotations

import struct

import pytest
from twinboot.kernel.bpf import DROP_ALL, Instruction, Op, assemble

DROP, KEEP = Instruction(Op.RETURN, 0), Instruction(Op.RETURN, 9)


def test_labels_become_distances() -> None:
    program = assemble([
        Instruction(Op.LOAD_BYTE, 23),
        Instruction(Op.IF_EQUAL, 6, jump_true="keep", jump_false="drop"),
        Instruction(Op.IF_ANY_BIT, 1, jump_false="drop"),
        "keep",
        KEEP,
        "drop",
        DROP,
    ])
    assert list(struct.iter_unpack("@HBBI", program)) == [
        (0x30, 0, 0, 23), (0x15, 1, 2, 6), (0x45, 0, 1, 1), (0x06, 0, 0, 9), (0x06, 0, 0, 0),
    ]
    assert list(struct.iter_unpack("@HBBI", DROP_ALL)) == [(0x06, 0, 0, 0)]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([Instruction(Op.IF_EQUAL, 1, "gone"), DROP], id="no such label"),
        pytest.param(["back", DROP, Instruction(Op.IF_EQUAL, 1, "back"), DROP], id="backward"),
        pytest.param([Instruction(Op.IF_EQUAL, 1, "end"), DROP, "end"], id="nothing stands there"),
        pytest.param([Instruction(Op.IF_EQUAL, 1, "far"), *[KEEP] * 256, "far", DROP], id="too far"),
        pytest.param(["twice", KEEP, "twice", DROP], id="twice"),
    ],
)
def test_what_the_kernel_would_refuse_is_not_assembled(steps: list[Instruction | str]) -> None:
    with pytest.raises(ValueError, match=r"label|cannot jump"):
        assemble(steps)
